//! Compiles the `.proto` files without protoc, and keeps the descriptor set for reflection and for the lint test.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=shopbeat");
    let set = protox::Compiler::new(["."])?
        .include_source_info(true)
        .include_imports(true)
        .open_files(["shopbeat/sync/v1/sync_service.proto"])?
        .file_descriptor_set();
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("shopbeat_descriptor.bin"), set.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(set)?;
    Ok(())
}
