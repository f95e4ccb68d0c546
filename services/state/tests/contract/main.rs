//! The promises of the state ports, kept by every engine: memory, a file, and a real `redis-server`.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod board;
#[cfg(test)]
mod families;
#[cfg(test)]
mod heaps;
#[cfg(test)]
mod holds;
#[cfg(test)]
mod inbox;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod lanes;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod losses;
#[cfg(test)]
mod model;
#[cfg(test)]
mod pace;
#[cfg(test)]
mod pulses;
#[cfg(test)]
mod random;
#[cfg(test)]
mod records;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod replays;
#[cfg(test)]
mod server;
