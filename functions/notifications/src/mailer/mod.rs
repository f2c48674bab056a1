//! Ways of sending a mail.
//!
//! | `MAILER` | |
//! |---|---|
//! | `ses` | [`ses`]: Amazon SES, in a build with the feature of that name; it needs `MAIL_FROM` |
//! | `maildir:<folder>` | [`maildir`]: a folder that mail programs can read |
//! | `log` | [`log`]: none; a line in the log |
//!
//! Without `MAILER` it is `ses` where `MAIL_FROM` says who writes, and `log` where nobody does.

pub mod log;
mod mail;
pub mod maildir;
#[cfg(feature = "ses")]
pub mod ses;

use std::sync::Arc;

use aws_config::SdkConfig;
use domain::text::{EmailAddress, EmailAddressError};
use lambda_edge::{ConfigError, Environment};

pub use log::LogMailer;
pub use mail::{Mail, MailError, Mailer};
pub use maildir::Maildir;
#[cfg(feature = "ses")]
pub use ses::SesMailer;

/// Who writes into a maildir where `MAIL_FROM` does not say.
const LOCAL_FROM: &str = "orders@localhost";

/// The mailer that the environment asks for.
///
/// # Errors
/// When `MAILER` or `MAIL_FROM` cannot be used.
pub fn from_env(env: &Environment, aws: &SdkConfig) -> Result<Arc<dyn Mailer>, ConfigError> {
    let from = match env.optional("MAIL_FROM").filter(|from| !from.is_empty()) {
        None => None,
        Some(_) => Some(env.parsed::<ForSmtp>("MAIL_FROM", "an e-mail address")?.0),
    };
    let default = if from.is_some() { "ses" } else { "log" };
    let mailer = env.optional("MAILER").unwrap_or(default);
    Ok(match (mailer.split_once(':'), mailer) {
        (_, "ses") => ses(env, aws, from.ok_or(ConfigError::Missing("MAIL_FROM"))?)?,
        (_, "log") => Arc::new(LogMailer),
        (Some(("maildir", folder)), _) if !folder.is_empty() => {
            let from = from.unwrap_or_else(|| LOCAL_FROM.to_owned());
            Arc::new(Maildir::new(folder.into(), from))
        }
        _ => {
            return Err(ConfigError::Invalid {
                name: "MAILER",
                value: mailer.to_owned(),
                expected: "`ses`, `maildir:<folder>` or `log`",
            });
        }
    })
}

#[cfg(feature = "ses")]
fn ses(env: &Environment, aws: &SdkConfig, from: String) -> Result<Arc<dyn Mailer>, ConfigError> {
    Ok(Arc::new(SesMailer::new(env, aws, from)))
}

#[cfg(not(feature = "ses"))]
fn ses(_: &Environment, _: &SdkConfig, _: String) -> Result<Arc<dyn Mailer>, ConfigError> {
    Err(ConfigError::Invalid {
        name: "MAILER",
        value: "ses".to_owned(),
        expected: "`maildir:<folder>` or `log`: this build has no SES",
    })
}

/// An address in a variable, as SMTP has it.
struct ForSmtp(String);

impl std::str::FromStr for ForSmtp {
    type Err = EmailAddressError;

    fn from_str(text: &str) -> Result<Self, EmailAddressError> {
        text.parse::<EmailAddress>()?.for_smtp().map(Self)
    }
}
