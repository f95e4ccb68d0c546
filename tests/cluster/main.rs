//! Against a real Kubernetes API server.

#[cfg(test)]
mod chart;
#[cfg(test)]
mod e2e;
#[cfg(test)]
mod node;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod plane;
#[cfg(test)]
mod resource;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod scale;
