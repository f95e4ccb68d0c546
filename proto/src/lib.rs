//! The API of Shopbeat: the messages, the client and the server made from `shopbeat/sync/v1/*.proto`, where every
//! field is documented.

/// Package `shopbeat.sync.v1`.
#[expect(unused_qualifications, clippy::allow_attributes, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("shopbeat.sync.v1");
}

/// All `.proto` files of the API and what they import, encoded, with their comments: for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("shopbeat_descriptor");

#[cfg(test)]
mod lint;
