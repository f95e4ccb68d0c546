//! The scripts. Those about jobs begin with `queue.lua`, which names their keys.

use ::redis::{Script, ScriptInvocation};
use jiff::Timestamp;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::limits::RECORD_MEMORY;

use crate::keys::Keys;
use crate::record::{length, millis};

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $($file:literal),+;)+) => {
        /// All scripts, each with its hash computed once.
        pub(super) struct Scripts { $($(#[$doc])* pub(super) $name: Script,)+ }

        impl Scripts {
            pub(super) fn new() -> Self {
                Self { $($name: Script::new(concat!($(include_str!(concat!("lua/", $file)), "\n"),+)),)+ }
            }
        }
    };
}

scripts! {
    offer = "queue.lua", "offer.lua";
    claim = "queue.lua", "claim.lua";
    extend = "queue.lua", "extend.lua";
    settle = "queue.lua", "holds.lua", "settle.lua";
    hold = "holds.lua", "hold.lua";
    mark = "mark.lua";
    dealt = "dealt.lua";
    post = "post.lua";
    append = "append.lua";
    cancel_run = "cancel_run.lua";
    move_mark = "move_mark.lua";
    save = "queue.lua", "save.lua";
    begin_run = "queue.lua", "begin_run.lua";
    begin_replay = "queue.lua", "begin_replay.lua";
    save_replay = "queue.lua", "save_replay.lua";
    end_replay = "end_replay.lua";
    pulse = "queue.lua", "pulse.lua";
    take_lease = "take_lease.lua";
    renew_lease = "renew_lease.lua";
    free_lease = "free_lease.lua";
    pace = "pace.lua";
    put_store = "put_store.lua";
    bind_agreement = "bind_agreement.lua";
    epoch = "epoch.lua";
    put_if_absent = "put_if_absent.lua";
}

/// A script about a store's jobs, with the keys and arguments that `queue.lua` takes.
pub(super) fn about_jobs<'s>(
    script: &'s Script,
    keys: &Keys,
    store: &StoreId,
    now: Timestamp,
) -> ScriptInvocation<'s> {
    let mut invocation = script.prepare_invoke();
    for key in keys.queue(store) {
        invocation.key(key);
    }
    invocation.arg(length(RECORD_MEMORY)).arg(millis(now));
    invocation
}

/// A flag as the scripts know it.
pub(super) fn flag(set: bool) -> &'static str {
    if set { "1" } else { "0" }
}
