//! Where mails go on this machine: `MAILER` of the functions.

use std::collections::BTreeMap;
use std::path::Path;

use local_stack::Options;

const MAILER: &str = "MAILER";

/// The variables with which mails go into a maildir. Without one, the log says that they would be sent.
pub fn variables(maildir: Option<&Path>) -> BTreeMap<String, String> {
    let mailer = maildir.map_or_else(|| "log".to_owned(), |folder| format!("maildir:{}", folder.display()));
    [(MAILER.to_owned(), mailer)].into()
}

/// The maildir into which mails go.
pub fn maildir(options: &Options) -> Option<&str> {
    options.variables.get(MAILER)?.strip_prefix("maildir:")
}
