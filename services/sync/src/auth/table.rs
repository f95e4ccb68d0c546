//! The calls of the API and the least role that may make each.

use super::Role;

macro_rules! rpcs {
    ($($variant:ident => $role:ident,)+) => {
        /// A call of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each variant is the call of its name; the proto documents them")]
        pub enum Rpc { $($variant,)+ }

        impl Rpc {
            /// Every call.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The call's name in the proto.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }

            /// The least role that may make it.
            #[must_use]
            pub fn least(self) -> Role {
                match self { $(Self::$variant => Role::$role,)+ }
            }
        }
    };
}

rpcs! {
    ConnectStore => Operator,
    Preflight => Support,
    UpdateStore => Operator,
    GetStore => Reader,
    WatchStores => Reader,
    ListStores => Reader,
    PauseStore => Operator,
    ResumeStore => Operator,
    DisconnectStore => Operator,
    RunInitialSync => Operator,
    WatchInitialSync => Reader,
    CancelInitialSync => Operator,
    ListInitialSyncRows => Reader,
    ReplayStore => Operator,
    GetReplay => Reader,
    TransferOrder => Support,
    GetTransfer => Reader,
    ListParked => Reader,
    RetryParked => Support,
    ListDrift => Reader,
    ResolveDrift => Support,
    ListProductTroubles => Reader,
    PreviewStock => Reader,
    AcceptStock => Operator,
    GetStock => Reader,
    ListStockTroubles => Reader,
    RefreshStock => Support,
    GetBilling => Reader,
}

impl Rpc {
    /// The call behind a request's path, `/shopbeat.sync.v1.SyncService/GetStore`.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let name = path.strip_prefix('/')?.strip_prefix("shopbeat.sync.v1.SyncService/")?;
        Self::ALL.iter().copied().find(|rpc| rpc.name() == name)
    }

    /// The request's path.
    #[must_use]
    pub fn path(self) -> String {
        format!("/shopbeat.sync.v1.SyncService/{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn the_table_holds_every_call_of_the_proto_and_no_other() {
        let set = prost_types::FileDescriptorSet::decode(shopbeat_proto::FILE_DESCRIPTOR_SET).unwrap();
        let services = set.file.iter().filter(|f| f.package() == "shopbeat.sync.v1").flat_map(|f| &f.service);
        let calls: Vec<_> = services.flat_map(|s| &s.method).map(|m| m.name().to_owned()).collect();
        assert_eq!(Rpc::ALL.iter().map(|rpc| rpc.name()).collect::<Vec<_>>(), calls);
        for rpc in Rpc::ALL {
            assert_eq!(Rpc::of(&rpc.path()), Some(*rpc));
        }
        assert_eq!(Rpc::of("/grpc.health.v1.Health/Check"), None);
    }

    #[test]
    fn the_role_in_the_protos_comment_is_the_role_of_the_table() {
        let proto = include_str!("../../../../proto/shopbeat/sync/v1/sync_service.proto");
        for rpc in Rpc::ALL {
            let end = proto.find(&format!("  rpc {}(", rpc.name())).unwrap();
            let begin =
                proto[..end].rfind(");\n").or_else(|| proto[..end].rfind("service SyncService {")).unwrap();
            let comment = proto[begin..end].replace("\n  //", "");
            assert!(comment.contains(&format!("Role: {}.", rpc.least().name())), "{}: {comment}", rpc.name());
        }
    }
}
