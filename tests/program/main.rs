//! The real program against the sandbox, and a real Redis where one is needed.

#[cfg(test)]
mod access;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod books;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod initial;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod mix;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod special;
#[cfg(test)]
mod trouble;
#[cfg(test)]
mod webhooks;
#[cfg(test)]
mod workers;
