use std::path::Path;
use std::{env, fs};

use super::super::definition_yaml;

/// What Helm must not do with the definition, and why the file is not edited.
const HEAD: &str =
    "# Written by `SHOPBEAT_REWRITE=1 cargo test -p shopbeat-operator the_committed_crd`: do not edit.\n";

#[test]
fn the_committed_crd_is_what_the_types_say() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/shopbeat-crds/templates/shopifystores.yaml");
    let name = "metadata:\n  name: shopifystores.shopbeat.dev\n";
    let plain = definition_yaml().unwrap();
    assert!(plain.contains(name));
    assert!(!plain.contains("{{"), "Helm would take it for a template");
    // Uninstalling the chart must not take every store with it.
    let kept =
        "metadata:\n  annotations:\n    helm.sh/resource-policy: keep\n  name: shopifystores.shopbeat.dev\n";
    let wanted = format!("{HEAD}{}", plain.replace(name, kept));
    if env::var_os("SHOPBEAT_REWRITE").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(wanted.lines()).find(|(is, should)| is != should);
    assert!(
        committed == wanted,
        "charts/shopbeat-crds is not what the types say, first at {differs:?}; run this test with SHOPBEAT_REWRITE=1"
    );
}
