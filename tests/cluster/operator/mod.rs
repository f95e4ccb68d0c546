//! The operator against a real API server, and a sync service that records what it is asked.

mod faults;
mod invalid;
mod life;
mod quiet;
mod rollout;
mod stage;
