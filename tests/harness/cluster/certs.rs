//! A certificate authority for one plane, and whom it vouches for.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// The authority; its files lie in one directory.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: PathBuf,
}

/// The files of a certificate.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Authority {
    pub(super) fn new(dir: &Path) -> Self {
        let mut params = named("shopbeat-tests", None, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate can be made");
        let authority = Self { issuer, dir: dir.to_owned() };
        write(&authority.file(), &authority.issuer.pem());
        authority
    }

    /// Its certificate.
    pub(super) fn file(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }

    /// A server on the loopback.
    pub(super) fn server(&self, file: &str, names: &[&str]) -> Identity {
        let mut params = named(file, None, names);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(file, &params)
    }

    /// A user of the API server, in a group.
    pub(super) fn user(&self, file: &str, name: &str, group: &str) -> Identity {
        let mut params = named(name, Some(group), &[]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(file, &params)
    }

    /// A key pair by which service accounts' tokens are signed and checked.
    pub(super) fn signer(&self, file: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("a key can be made");
        let (private, public) = (self.dir.join(format!("{file}.key")), self.dir.join(format!("{file}.pub")));
        write(&private, &key.serialize_pem());
        write(&public, &key.public_key_pem());
        (private, public)
    }

    fn issue(&self, file: &str, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate can be made");
        let identity = Identity {
            certificate: self.dir.join(format!("{file}.crt")),
            key: self.dir.join(format!("{file}.key")),
        };
        write(&identity.certificate, &certificate.pem());
        write(&identity.key, &key.serialize_pem());
        identity
    }
}

/// Kubernetes reads the user from the common name, a group from the organisation.
fn named(name: &str, group: Option<&str>, alternatives: &[&str]) -> CertificateParams {
    let alternatives: Vec<String> = alternatives.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(alternatives).expect("names are names");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a file can be written");
}
