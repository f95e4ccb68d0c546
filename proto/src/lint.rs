//! buf's STANDARD rules and its COMMENTS rules, checked over the descriptor set, since a build needs no buf.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};

const PACKAGE: &str = "shopbeat.sync.v1";

// Field numbers in descriptor.proto, of which the paths of source locations are made.
const FILE_MESSAGE: i32 = 4;
const FILE_ENUM: i32 = 5;
const FILE_SERVICE: i32 = 6;
const MESSAGE_FIELD: i32 = 2;
const MESSAGE_NESTED: i32 = 3;
const MESSAGE_ENUM: i32 = 4;
const MESSAGE_ONEOF: i32 = 8;
const ENUM_VALUE: i32 = 2;
const SERVICE_METHOD: i32 = 2;

fn ours() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(crate::FILE_DESCRIPTOR_SET).expect("the descriptor set decodes");
    let files: Vec<_> = set.file.into_iter().filter(|file| !file.name().starts_with("google/")).collect();
    assert!(files.len() > 3, "the files of the API are in the set");
    files
}

/// What is wrong with a file, one line each.
struct Findings<'a> {
    file: &'a FileDescriptorProto,
    comments: BTreeMap<&'a [i32], &'a str>,
    found: Vec<String>,
}

impl<'a> Findings<'a> {
    fn of(file: &'a FileDescriptorProto) -> Vec<String> {
        let locations = file.source_code_info.iter().flat_map(|info| &info.location);
        let comments = locations
            .map(|location| (location.path.as_slice(), location.leading_comments().trim()))
            .filter(|(_, comment)| !comment.is_empty())
            .collect();
        let mut findings = Self { file, comments, found: Vec::new() };
        findings.file();
        findings.found
    }

    fn check(&mut self, good: bool, what: &str, rule: &str) {
        if !good {
            self.found.push(format!("{}: {what}: {rule}", self.file.name()));
        }
    }

    fn commented(&mut self, path: &[i32], what: &str) {
        let comment = self.comments.get(path).copied().unwrap_or_default();
        self.check(
            comment.ends_with('.') || comment.ends_with(':'),
            what,
            "needs a comment that is a sentence",
        );
    }

    fn file(&mut self) {
        let file = self.file;
        let (folder, name) = file.name().rsplit_once('/').expect("a file lies in a folder");
        self.check(file.package() == PACKAGE, "package", "is shopbeat.sync.v1");
        self.check(folder == PACKAGE.replace('.', "/"), "folder", "mirrors the package");
        self.check(is_snake(name.trim_end_matches(".proto")), "file name", "is lower_snake_case");
        self.check(file.syntax() == "proto3", "syntax", "is said");
        self.check(
            file.public_dependency.is_empty() && file.weak_dependency.is_empty(),
            "imports",
            "are plain",
        );
        let used: BTreeSet<_> = type_names(file);
        for import in &file.dependency {
            let package =
                import.rsplit_once('/').map(|(folder, _)| folder.replace('/', ".")).unwrap_or_default();
            self.check(used.iter().any(|name| name.starts_with(&format!(".{package}."))), import, "is used");
        }
        for (message, index) in file.message_type.iter().zip(0..) {
            self.message(message, &[FILE_MESSAGE, index]);
        }
        for (each, index) in file.enum_type.iter().zip(0..) {
            self.enumeration(each, &[FILE_ENUM, index]);
        }
        for (service, index) in file.service.iter().zip(0..) {
            let path = [FILE_SERVICE, index];
            self.commented(&path, service.name());
            self.check(service.name().ends_with("Service"), service.name(), "ends with Service");
            for (method, index) in service.method.iter().zip(0..) {
                self.commented(&[&path[..], &[SERVICE_METHOD, index]].concat(), method.name());
                self.check(is_pascal(method.name()), method.name(), "is PascalCase");
                let request = format!(".{PACKAGE}.{}Request", method.name());
                let response = format!(".{PACKAGE}.{}Response", method.name());
                self.check(method.input_type() == request, method.name(), "takes its own Request");
                self.check(method.output_type() == response, method.name(), "answers its own Response");
                self.check(!method.client_streaming(), method.name(), "takes one request");
            }
        }
    }

    fn message(&mut self, message: &DescriptorProto, path: &[i32]) {
        self.commented(path, message.name());
        self.check(is_pascal(message.name()), message.name(), "is PascalCase");
        for (field, index) in message.field.iter().zip(0..) {
            let name = format!("{}.{}", message.name(), field.name());
            self.commented(&[path, &[MESSAGE_FIELD, index]].concat(), &name);
            self.check(is_snake(field.name()), &name, "is lower_snake_case");
            self.check(!field.type_name().starts_with(".google.protobuf.Any"), &name, "has a type");
        }
        for (oneof, index) in message.oneof_decl.iter().zip(0..) {
            let name = format!("{}.{}", message.name(), oneof.name());
            // `optional` makes a oneof of its own, named with an underscore, that nobody wrote.
            if !oneof.name().starts_with('_') {
                self.commented(&[path, &[MESSAGE_ONEOF, index]].concat(), &name);
                self.check(is_snake(oneof.name()), &name, "is lower_snake_case");
            }
        }
        for (nested, index) in message.nested_type.iter().zip(0..) {
            self.message(nested, &[path, &[MESSAGE_NESTED, index]].concat());
        }
        for (each, index) in message.enum_type.iter().zip(0..) {
            self.enumeration(each, &[path, &[MESSAGE_ENUM, index]].concat());
        }
    }

    fn enumeration(&mut self, each: &EnumDescriptorProto, path: &[i32]) {
        self.commented(path, each.name());
        self.check(is_pascal(each.name()), each.name(), "is PascalCase");
        self.check(!each.options.as_ref().is_some_and(|o| o.allow_alias()), each.name(), "has no aliases");
        let prefix = format!("{}_", upper_snake(each.name()));
        for (value, index) in each.value.iter().zip(0..) {
            self.commented(&[path, &[ENUM_VALUE, index]].concat(), value.name());
            self.check(value.name().starts_with(&prefix), value.name(), "bears its enum's name");
            self.check(value.name() == value.name().to_uppercase(), value.name(), "is UPPER_SNAKE_CASE");
            let zero = value.name() == format!("{prefix}UNSPECIFIED");
            self.check((value.number() == 0) == zero, value.name(), "zero and only zero is _UNSPECIFIED");
        }
    }
}

fn type_names(file: &FileDescriptorProto) -> BTreeSet<String> {
    let fields =
        file.message_type.iter().flat_map(|message| &message.field).map(|f| f.type_name().to_owned());
    let methods = file.service.iter().flat_map(|service| &service.method);
    fields.chain(methods.flat_map(|m| [m.input_type().to_owned(), m.output_type().to_owned()])).collect()
}

fn is_snake(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !name.contains("__")
        && !name.ends_with('_')
}

fn is_pascal(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn upper_snake(name: &str) -> String {
    let mut out = String::new();
    for (index, letter) in name.char_indices() {
        if index > 0 && letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}

#[test]
fn the_api_follows_the_standard_rules_and_everything_is_commented() {
    let found: Vec<_> = ours().iter().flat_map(Findings::of).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_rules_find_what_is_wrong() {
    let mut file =
        ours().into_iter().find(|f| f.name().ends_with("sync_service.proto")).expect("the service");
    file.source_code_info = None;
    file.service[0].name = Some("Sync".to_owned());
    file.service[0].method[0].input_type = Some(".google.protobuf.Empty".to_owned());
    file.message_type[0].field[0].name = Some("camelCase".to_owned());
    let found = Findings::of(&file).join("\n");
    for rule in ["ends with Service", "takes its own Request", "is lower_snake_case", "needs a comment"] {
        assert!(found.contains(rule), "{rule} is not found in\n{found}");
    }
}

#[test]
fn the_service_has_exactly_the_calls_that_work() {
    let files = ours();
    let services: Vec<_> = files.iter().flat_map(|file| &file.service).collect();
    let calls: Vec<_> =
        services.iter().flat_map(|service| &service.method).map(|method| method.name()).collect();
    assert_eq!(services.len(), 1);
    assert_eq!(
        calls,
        [
            "ConnectStore",
            "Preflight",
            "UpdateStore",
            "GetStore",
            "WatchStores",
            "ListStores",
            "PauseStore",
            "ResumeStore",
            "DisconnectStore",
            "RunInitialSync",
            "WatchInitialSync",
            "CancelInitialSync",
            "ListInitialSyncRows",
            "ReplayStore",
            "GetReplay",
            "TransferOrder",
            "GetTransfer",
            "ListParked",
            "RetryParked",
            "ListDrift",
            "ResolveDrift",
            "ListProductTroubles",
            "PreviewStock",
            "AcceptStock",
            "GetStock",
            "ListStockTroubles",
            "RefreshStock",
            "GetBilling",
        ]
    );
}

#[test]
fn every_message_is_reachable_from_the_service() {
    let files = ours();
    let messages: BTreeMap<String, &DescriptorProto> = files
        .iter()
        .flat_map(|file| &file.message_type)
        .map(|message| (format!(".{PACKAGE}.{}", message.name()), message))
        .collect();
    let mut open: Vec<String> = files
        .iter()
        .flat_map(type_names)
        .filter(|n| n.ends_with("Request") || n.ends_with("Response"))
        .collect();
    let mut reached = BTreeSet::new();
    while let Some(name) = open.pop() {
        if let Some(message) = messages.get(&name)
            && reached.insert(name)
        {
            open.extend(message.field.iter().map(|field| field.type_name().to_owned()));
        }
    }
    let left: Vec<_> = messages.keys().filter(|name| !reached.contains(*name)).collect();
    assert!(left.is_empty(), "{left:?}");
}
