//! Mails as files, one each: <https://cr.yp.to/proto/maildir.html>.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use mail_builder::MessageBuilder;

use super::mail::{Mail, MailError, Mailer};

/// A folder with `tmp`, `new` and `cur`, which are made when they are missing. A file is named by its mail's id, so a mail
/// that is sent twice is there once.
#[derive(Debug, Clone)]
pub struct Maildir {
    folder: PathBuf,
    from: String,
}

impl Maildir {
    pub fn new(folder: PathBuf, from: String) -> Self {
        Self { folder, from }
    }

    /// The mail after RFC 5322.
    fn message(&self, mail: &Mail<'_>) -> io::Result<Vec<u8>> {
        let host = self.from.rsplit('@').next().unwrap_or(&self.from);
        MessageBuilder::new()
            .message_id(format!("{}@{host}", mail.id))
            .date(mail.date.timestamp())
            .from(self.from.as_str())
            .to((mail.name.as_str(), mail.address))
            .subject(mail.subject)
            .text_body(mail.text)
            .write_to_vec()
    }
}

#[async_trait]
impl Mailer for Maildir {
    async fn send(&self, mail: &Mail<'_>) -> Result<(), MailError> {
        let passing = |error: &dyn std::error::Error| MailError::Passing(format!("the maildir: {error}"));
        let message = self.message(mail).map_err(|error| passing(&error))?;
        let (folder, name) = (self.folder.clone(), mail.id.to_string());
        let delivered = tokio::task::spawn_blocking(move || deliver(&folder, &name, &message)).await;
        delivered
            .map_err(|error| passing(&error))?
            .map_err(|error| passing(&error))
    }
}

fn deliver(folder: &Path, name: &str, message: &[u8]) -> io::Result<()> {
    let [tmp, new, cur] = ["tmp", "new", "cur"].map(|part| folder.join(part));
    for part in [&tmp, &new, &cur] {
        fs::create_dir_all(part)?;
    }
    // Mail programs move there what they have seen, with flags after the name.
    for seen in fs::read_dir(cur)? {
        if seen?.file_name().to_string_lossy().starts_with(name) {
            return Ok(());
        }
    }
    // Whoever looks into `new` finds whole mails only.
    let unfinished = tmp.join(name);
    let mut file = File::create(&unfinished)?;
    file.write_all(message)?;
    file.sync_all()?;
    fs::rename(unfinished, new.join(name))
}
