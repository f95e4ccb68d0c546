//! What stands in a pod's text, made true for this machine. Pure.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Replacements of one container.
#[derive(Debug, Default, Clone)]
pub(super) struct Rewrites {
    /// A mount's path and its directory here.
    pub(super) mounts: Vec<(String, PathBuf)>,
    /// Declared ports and the real ones.
    pub(super) ports: BTreeMap<u16, u16>,
    /// `HOST:PORT` and where it is.
    pub(super) names: BTreeMap<String, SocketAddr>,
}

impl Rewrites {
    /// A text of `command`, `args` or the environment.
    pub(super) fn apply(&self, text: &str) -> String {
        if let Some(real) = text.parse().ok().and_then(|port: u16| self.ports.get(&port)) {
            return real.to_string();
        }
        if let Some(real) = text.strip_prefix(':').and_then(|port| self.ports.get(&port.parse().ok()?)) {
            return format!("127.0.0.1:{real}");
        }
        let mut text = text.to_owned();
        // The longest first: `a.b.svc:1` stands within nothing, but `b:1` would within `a.b:1`.
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, address) in names {
            text = replace(&text, name, &address.to_string(), is_of_a_name, |c| c.is_ascii_digit());
        }
        for (port, real) in &self.ports {
            for any in ["0.0.0.0", "[::]", "127.0.0.1", "localhost"] {
                let (from, to) = (format!("{any}:{port}"), format!("127.0.0.1:{real}"));
                text = replace(&text, &from, &to, is_of_a_name, |c| c.is_ascii_digit());
            }
        }
        self.with_mounts(&text)
    }

    /// In one pass, the longest first: a directory here may lie below what is a mount's path there, such as `/tmp`.
    fn with_mounts(&self, text: &str) -> String {
        let mut mounts: Vec<_> = self.mounts.iter().collect();
        mounts.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        let mut made = String::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let begins = !rest_begins_within(text, rest);
            // A file below a directory belongs to it; `/etc/shopbeat-more` does not belong to `/etc/shopbeat`.
            let found = mounts.iter().find_map(|(path, here)| {
                let behind = rest.strip_prefix(path.as_str())?;
                let ends = !behind.chars().next().is_some_and(is_of_a_path_segment);
                (begins && ends).then_some((here, behind))
            });
            match found {
                Some((here, behind)) => {
                    made.push_str(&here.display().to_string());
                    rest = behind;
                }
                None => {
                    made.push(next);
                    rest = &rest[next.len_utf8()..];
                }
            }
        }
        made
    }
}

/// Whether what is left of a text begins in the middle of a path.
fn rest_begins_within(text: &str, rest: &str) -> bool {
    let before = text.strip_suffix(rest).unwrap_or_default();
    before.chars().last().is_some_and(is_of_a_path)
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')
}

fn is_of_a_path(c: char) -> bool {
    is_of_a_name(c) || c == '/'
}

fn is_of_a_path_segment(c: char) -> bool {
    is_of_a_name(c)
}

/// Replaces `from` where neither the character before nor the one behind belongs to it.
fn replace(
    text: &str,
    from: &str,
    to: &str,
    is_before: impl Fn(char) -> bool,
    is_behind: impl Fn(char) -> bool,
) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(from) {
        made.push_str(before);
        let touches =
            made.chars().last().is_some_and(&is_before) || behind.chars().next().is_some_and(&is_behind);
        made.push_str(if touches { from } else { to });
        rest = behind;
    }
    made + rest
}

/// `$(NAME)` becomes the variable's value, `$$` a dollar; an unknown name stays as it is.
pub(super) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        made.push_str(before);
        rest = behind;
        if let Some(behind) = rest.strip_prefix('$') {
            made.push('$');
            rest = behind;
        } else if let Some((name, behind)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match variables.get(name) {
                Some(value) => made.push_str(value),
                None => made.push_str(&format!("$({name})")),
            }
            rest = behind;
        } else {
            made.push('$');
        }
    }
    made + rest
}

/// `{port:NAME}` becomes the real port; none if there is no such port.
pub(super) fn with_ports(text: &str, ports: &BTreeMap<String, u16>) -> Option<String> {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{port:") {
        let (name, behind) = behind.split_once('}')?;
        made.push_str(before);
        made.push_str(&ports.get(name)?.to_string());
        rest = behind;
    }
    Some(made + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrites() -> Rewrites {
        Rewrites {
            mounts: vec![
                ("/etc/shopbeat".to_owned(), "/tmp/a".into()),
                ("/etc/shopbeat/tls".to_owned(), "/tmp/b".into()),
                ("/tmp".to_owned(), "/tmp/c".into()),
            ],
            ports: BTreeMap::from([(8080, 40_001)]),
            names: BTreeMap::from([
                ("sync.one.svc:50051".to_owned(), ([127, 0, 0, 1], 40_002).into()),
                ("one.svc:50051".to_owned(), ([127, 0, 0, 1], 40_003).into()),
            ]),
        }
    }

    #[test]
    fn ports_become_real_ones_in_all_their_forms() {
        let rewrites = rewrites();
        for text in ["0.0.0.0:8080", "[::]:8080", "127.0.0.1:8080", ":8080"] {
            assert_eq!(rewrites.apply(text), "127.0.0.1:40001", "{text}");
        }
        assert_eq!(rewrites.apply("--listen=0.0.0.0:8080"), "--listen=127.0.0.1:40001");
        assert_eq!(rewrites.apply("8080"), "40001");
        for text in ["0.0.0.0:80801", "80800", "10.0.0.0:8080", "example.test:8080"] {
            assert_eq!(rewrites.apply(text), text);
        }
    }

    #[test]
    fn names_of_services_become_local_addresses_and_the_longest_wins() {
        let rewrites = rewrites();
        assert_eq!(rewrites.apply("http://sync.one.svc:50051/x"), "http://127.0.0.1:40002/x");
        assert_eq!(rewrites.apply("http://other.one.svc:50051"), "http://other.one.svc:50051");
        assert_eq!(rewrites.apply("http://sync.one.svc:500510"), "http://sync.one.svc:500510");
    }

    #[test]
    fn mounts_become_directories_and_neighbours_do_not() {
        let rewrites = rewrites();
        assert_eq!(rewrites.apply("/etc/shopbeat/token"), "/tmp/a/token");
        assert_eq!(rewrites.apply("--ca=/etc/shopbeat/tls/ca.crt"), "--ca=/tmp/b/ca.crt");
        assert_eq!(rewrites.apply("/etc/shopbeat-more/token"), "/etc/shopbeat-more/token");
        assert_eq!(rewrites.apply("/host/etc/shopbeat"), "/host/etc/shopbeat");
        assert_eq!(rewrites.apply("/tmp/x /etc/shopbeat/y"), "/tmp/c/x /tmp/a/y");
    }

    #[test]
    fn variables_are_expanded_as_kubernetes_does() {
        let variables = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        assert_eq!(expand("$(A)-$(B)-$$(A)-$A-$", &variables), "1-$(B)-$(A)-$A-$");
    }
}
