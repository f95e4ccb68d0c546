//! Where the state lives and what seals its secrets.

use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use shopbeat_state::{MasterKey, Sealing};
use url::Url;

/// Where the state lives, and the key of its secrets.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "State")]
pub struct StateOptions {
    /// Embedded state: a file, or `memory`, which forgets all when the process ends. One process only: `serve`.
    #[arg(long, env = "SHOPBEAT_STATE", value_name = "PATH|memory")]
    pub state: Option<String>,
    /// State in Redis (6.2 or newer) or Valkey: `redis://host:6379/0`, with TLS `rediss://…`.
    #[arg(long, env = "SHOPBEAT_REDIS_URL", hide_env_values = true, value_name = "URL")]
    pub redis_url: Option<SecretString>,
    /// Begin of every key in Redis, so that several services can share one.
    #[arg(long, env = "SHOPBEAT_REDIS_PREFIX", default_value = shopbeat_state::DEFAULT_PREFIX, value_name = "TEXT")]
    pub redis_prefix: String,
    /// File with the master key: base64 of 32 bytes, the same for every process. Needed with Redis; beside an embedded
    /// file one is made.
    #[arg(long, env = "SHOPBEAT_MASTER_KEY_FILE", value_name = "PATH")]
    pub master_key_file: Option<PathBuf>,
    /// The master key itself.
    #[arg(long, env = "SHOPBEAT_MASTER_KEY", hide_env_values = true, value_name = "BASE64")]
    pub master_key: Option<SecretString>,
    /// Master keys before the current one, with which older secrets still open; base64, separated by commas.
    #[arg(long, env = "SHOPBEAT_PREVIOUS_MASTER_KEYS", hide_env_values = true, value_name = "BASE64,…")]
    pub previous_master_keys: Option<SecretString>,
}

/// Where the state lives.
#[derive(Debug, Clone)]
pub enum StateChoice {
    /// In this process.
    Memory,
    /// In a file.
    File(PathBuf),
    /// In Redis, under keys that begin so.
    Redis(SecretString, String),
}

/// The file of the embedded state where none is named.
const DEFAULT_FILE: &str = "shopbeat.redb";

impl StateOptions {
    /// What was chosen.
    #[must_use]
    pub fn choice(&self) -> StateChoice {
        match (&self.redis_url, self.state.as_deref()) {
            (Some(url), _) => StateChoice::Redis(url.clone(), self.redis_prefix.clone()),
            (None, Some("memory")) => StateChoice::Memory,
            (None, path) => StateChoice::File(PathBuf::from(path.unwrap_or(DEFAULT_FILE))),
        }
    }

    /// What contradicts itself or is missing.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.redis_url.is_some() && self.state.is_some() {
            problems.push("--state and --redis-url exclude each other: choose one".to_owned());
        }
        if self.master_key.is_some() && self.master_key_file.is_some() {
            problems.push("--master-key and --master-key-file exclude each other: choose one".to_owned());
        }
        if let Some(url) = &self.redis_url {
            // The URL may hold a password: it is not repeated.
            let good = Url::parse(url.expose_secret())
                .is_ok_and(|url| matches!(url.scheme(), "redis" | "rediss") && url.has_host());
            if !good {
                problems.push("--redis-url is no redis://host:port/db or rediss://… address".to_owned());
            }
            if self.master_key.is_none() && self.master_key_file.is_none() {
                problems.push(
                    "--redis-url needs --master-key-file (or SHOPBEAT_MASTER_KEY), the same for every process; make \
                     one with `openssl rand -base64 32`"
                        .to_owned(),
                );
            }
        }
        problems
    }

    /// The keys that seal the state's secrets. Beside an embedded file a key file is made when there is none.
    ///
    /// # Errors
    /// When a key cannot be read or is none.
    pub fn keys(&self) -> anyhow::Result<Keys> {
        let (sealing, made) = self.current_key()?;
        let Some(current) = sealing else {
            return Ok(Keys { sealing: Sealing::generate()?, made });
        };
        let mut previous = Vec::new();
        if let Some(texts) = &self.previous_master_keys {
            for text in texts.expose_secret().split(',') {
                previous.push(MasterKey::parse(text).context("--previous-master-keys")?);
            }
        }
        Ok(Keys { sealing: Sealing::new(current, previous), made })
    }

    /// The current key; `None` for a state in memory without one. And the file that was made for it.
    fn current_key(&self) -> anyhow::Result<(Option<MasterKey>, Option<PathBuf>)> {
        if let Some(text) = &self.master_key {
            return Ok((Some(MasterKey::parse(text.expose_secret()).context("--master-key")?), None));
        }
        if let Some(path) = &self.master_key_file {
            let key =
                read_key(path)?.with_context(|| format!("the key file {} is not there", path.display()))?;
            return Ok((Some(key), None));
        }
        match self.choice() {
            StateChoice::Memory | StateChoice::Redis(..) => Ok((None, None)),
            StateChoice::File(state) => {
                let mut path = state.clone().into_os_string();
                path.push(".key");
                let path = PathBuf::from(path);
                match read_key(&path)? {
                    Some(key) => Ok((Some(key), None)),
                    // A new key would open none of the credentials that are kept there.
                    None if state.exists() => bail!(
                        "{} is there, its key file {} is not: bring it back, or name the key with --master-key-file; \
                         if it is lost for good, begin with a new state file and connect the stores again",
                        state.display(),
                        path.display()
                    ),
                    None => Ok((Some(make_key(&path)?), Some(path))),
                }
            }
        }
    }
}

/// What seals the state's secrets.
#[derive(Debug)]
pub struct Keys {
    /// The keys.
    pub sealing: Sealing,
    /// The key file that was made just now, if any.
    pub made: Option<PathBuf>,
}

fn read_key(path: &Path) -> anyhow::Result<Option<MasterKey>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(MasterKey::parse(&text).with_context(|| path.display().to_string())?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("the key file {} cannot be read", path.display())),
    }
}

/// Makes a key file that only its owner may read; never replaces one.
fn make_key(path: &Path) -> anyhow::Result<MasterKey> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok().context("the system gave no random bytes for a master key")?;
    let text = STANDARD.encode(bytes);
    let write = || -> std::io::Result<()> {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    write().with_context(|| format!("the key file {} cannot be made", path.display()))?;
    Ok(MasterKey::parse(&text)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn options(state: Option<&str>, redis: Option<&str>, key: Option<&str>) -> StateOptions {
        StateOptions {
            state: state.map(str::to_owned),
            redis_url: redis.map(SecretString::from),
            redis_prefix: "shopbeat".to_owned(),
            master_key_file: None,
            master_key: key.map(SecretString::from),
            previous_master_keys: None,
        }
    }

    #[test]
    fn contradictions_are_named_and_no_password_is_repeated() {
        let problems = options(Some("memory"), Some("http://:hush@host"), None).problems();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(!problems.join(" ").contains("hush"));
        assert_eq!(options(None, Some("redis://localhost"), Some("key")).problems(), Vec::<String>::new());
        assert_eq!(options(None, None, None).problems(), Vec::<String>::new());
    }

    #[test]
    fn a_key_file_is_made_once_beside_the_state_and_only_its_owner_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("s.redb");
        let options = options(Some(state.to_str().unwrap()), None, None);
        let made = options.keys().unwrap().made.unwrap();
        let before = std::fs::read(&made).unwrap();
        assert_eq!(std::fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(options.keys().unwrap().made, None);
        assert_eq!(std::fs::read(&made).unwrap(), before);
    }

    #[test]
    fn a_state_without_its_key_file_is_an_error_and_no_new_key_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("s.redb");
        std::fs::write(&state, "kept").unwrap();
        let error = options(Some(state.to_str().unwrap()), None, None).keys().err().unwrap().to_string();
        assert!(error.contains("s.redb.key") && error.contains("--master-key-file"), "{error}");
        assert!(!dir.path().join("s.redb.key").exists());
    }

    #[test]
    fn a_broken_key_file_is_an_error_and_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("s.redb");
        let key = dir.path().join("s.redb.key");
        std::fs::write(&key, "cut").unwrap();
        assert!(options(Some(state.to_str().unwrap()), None, None).keys().is_err());
        assert_eq!(std::fs::read(&key).unwrap(), b"cut");
    }
}
