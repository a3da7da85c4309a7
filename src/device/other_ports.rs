//! The ports by which phones know us where our own was taken: a request that names one of them is ours.

use std::sync::{Arc, PoisonError, RwLock};

/// Which ports, as of now. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct OtherPorts(Arc<RwLock<Vec<u16>>>);

impl OtherPorts {
    /// Whether a phone knows us by this one.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&port)
    }

    /// It is these from now on.
    pub(super) fn set(&self, ports: Vec<u16>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = ports;
    }
}

impl<const N: usize> From<[u16; N]> for OtherPorts {
    fn from(ports: [u16; N]) -> Self {
        Self(Arc::new(RwLock::new(ports.to_vec())))
    }
}
