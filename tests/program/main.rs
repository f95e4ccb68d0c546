//! The real program against the sandbox, and a real Redis where one is needed.

#[cfg(test)]
mod access;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod billing;
#[cfg(test)]
mod books;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod fan_out;
#[cfg(test)]
mod initial;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod mix;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod preflight;
#[cfg(test)]
mod products;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod special;
#[cfg(test)]
mod stock;
#[cfg(test)]
mod trouble;
#[cfg(test)]
mod webhooks;
#[cfg(test)]
mod workers;
