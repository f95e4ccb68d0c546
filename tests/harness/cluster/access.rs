//! What a test uses a plane by: clients, namespaces, accounts, `kubectl` and `helm`.

use std::path::{Path, PathBuf};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};

use super::kubeconfig::{self, User};
use super::plane::{Plane, config};
use super::programs;
use super::tools::{self, Said};

impl Plane {
    /// A client of its administrator. Its connections live on the runtime of the test that made it.
    pub async fn client(&self) -> Client {
        self.client_of(self.kubeconfig()).await
    }

    /// A client of whom a kubeconfig names.
    ///
    /// # Panics
    /// When the file is none.
    pub async fn client_of(&self, kubeconfig: &Path) -> Client {
        Client::try_from(config(kubeconfig).await).expect("a client can be made")
    }

    /// A new namespace whose name begins with `name`, with its default service account.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn namespace(&self, name: &str) -> String {
        let metadata = ObjectMeta { generate_name: Some(format!("{name}-")), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let made =
            Api::<Namespace>::all(self.client().await).create(&PostParams::default(), &namespace).await;
        let name = made.expect("a namespace can be made").metadata.name.expect("it has a name");
        if self.parts().controllers {
            self.accounts(&name).await;
        }
        name
    }

    /// A kubeconfig with a token of a service account, valid for an hour.
    ///
    /// # Panics
    /// When there is no such account.
    pub async fn service_account(&self, namespace: &str, name: &str) -> PathBuf {
        let api: Api<ServiceAccount> = Api::namespaced(self.client().await, namespace);
        let spec = TokenRequestSpec { expiration_seconds: Some(3600), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let answer = api.create_token_request(name, &PostParams::default(), &request).await;
        let token = answer.expect("a token is given").status.expect("with its text").token;
        let path = self.free_file("account");
        kubeconfig::write(&path, self.url(), self.authority(), namespace, &User::Token(&token))
    }

    /// A kubeconfig of a user by certificate, in one group.
    ///
    /// # Panics
    /// When the plane is not the tests' own.
    pub fn user(&self, name: &str, group: &str) -> PathBuf {
        let path = self.free_file("user");
        let file = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("user");
        let identity = self.own().authority.user(file, name, group);
        kubeconfig::write(&path, self.url(), self.authority(), "default", &User::Certificate(&identity))
    }

    /// Files of a certificate, by the plane's authority, and of the key of a server on the loopback.
    ///
    /// # Panics
    /// When the plane is not the tests' own.
    #[must_use]
    pub fn server(&self, file: &str) -> (PathBuf, PathBuf) {
        let identity = self.own().authority.server(file, &["127.0.0.1"]);
        (identity.certificate, identity.key)
    }

    /// `kubectl`, as the administrator, in the repository's root.
    pub async fn kubectl(&self, args: &[&str]) -> Said {
        self.kubectl_as(self.kubeconfig(), args, None).await
    }

    /// `kubectl apply` of a text, in a namespace.
    pub async fn apply(&self, namespace: &str, manifests: &str) -> Said {
        self.kubectl_as(self.kubeconfig(), &["apply", "-n", namespace, "-f", "-"], Some(manifests)).await
    }

    /// `kubectl` of somebody, with an input.
    ///
    /// # Panics
    /// When there is none to be had.
    pub async fn kubectl_as(&self, kubeconfig: &Path, args: &[&str], input: Option<&str>) -> Said {
        let kubectl = programs::component("kubectl").unwrap_or_else(|error| panic!("{error}"));
        tools::run(&kubectl, args, input, self.dir(), kubeconfig).await
    }

    /// `helm`, as the administrator, in the repository's root.
    pub async fn helm(&self, args: &[&str]) -> Said {
        self.helm_as(self.kubeconfig(), args).await
    }

    /// `helm` of somebody.
    ///
    /// # Panics
    /// When there is none to be had.
    pub async fn helm_as(&self, kubeconfig: &Path, args: &[&str]) -> Said {
        let helm = tokio::task::spawn_blocking(|| programs::tool("helm")).await.expect("the search ends");
        let helm = helm.unwrap_or_else(|error| panic!("{error}"));
        tools::run(&helm, args, None, self.dir(), kubeconfig).await
    }
}
