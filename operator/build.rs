//! Notes what is built: the commit (handed in by whoever builds an image) and the target.

use std::env;

fn main() {
    println!("cargo:rerun-if-env-changed=SHOPBEAT_COMMIT");
    let commit = env::var("SHOPBEAT_COMMIT").unwrap_or_else(|_| "unknown".to_owned());
    let target = env::var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    let profile = env::var("PROFILE").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo:rustc-env=SHOPBEAT_COMMIT={commit}");
    println!("cargo:rustc-env=SHOPBEAT_TARGET={target} {profile}");
}
