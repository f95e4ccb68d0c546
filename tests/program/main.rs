//! The real program against the sandbox, and a real Redis.
