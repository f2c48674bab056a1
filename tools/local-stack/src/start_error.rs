//! Why a stack cannot start, in a sentence that names the variable that may help.

use std::io;
use std::net::SocketAddr;

use lambda_edge::ConfigError;

use crate::dynamodb::{EmbeddedError, TablesError};
use crate::listen::UnknownAddress;
use crate::template::TemplateError;

/// Why the stack cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("{template} names the function `{function}`, which this build does not contain")]
    NotInBuild { template: String, function: String },
    #[error("this build contains the function `{function}`, which {template} does not name")]
    NotInTemplate { template: String, function: String },
    #[error("the function `{function}` cannot start: {source}; its value comes from {template} or PARAMETERS")]
    Configuration {
        template: String,
        function: String,
        source: ConfigError,
    },
    #[error("the functions `{}` and `{}` give the variable {name} different values", .functions[0], .functions[1])]
    AmbiguousVariable { name: String, functions: [String; 2] },
    #[error(transparent)]
    Address(#[from] UnknownAddress),
    #[error("{}", cannot_listen(*address, purpose, source))]
    Listen {
        address: SocketAddr,
        purpose: &'static str,
        source: io::Error,
    },
    #[error("cannot use the data folder {folder}: {source}; set DATA to a folder that can be written, or to memory")]
    Folder { folder: String, source: io::Error },
    #[error("the data folder {0} is in use by another running local stack; set DATA to another folder, or to memory")]
    FolderInUse(String),
    #[error("cannot read the checkpoints {file}: {source}; set DATA to another folder, or to memory")]
    Checkpoints { file: String, source: io::Error },
    #[error("{0}{advice}", advice = data_advice(.0))]
    DynamoDb(#[from] EmbeddedError),
    #[error("{source}; DATA is {folder}, and may be set to another folder, or to memory")]
    DataTables { folder: String, source: TablesError },
    #[error(
        "{source}; DYNAMODB_ENDPOINT is {endpoint}: set it to a DynamoDB that runs, or unset it for the embedded one"
    )]
    EndpointTables { endpoint: String, source: TablesError },
}

/// What helps against it, if it is the folder.
fn data_advice(error: &EmbeddedError) -> &'static str {
    match error {
        EmbeddedError::Data { .. } => "; set DATA to another folder, or to memory",
        _ => "",
    }
}

/// The sentence of [`StartError::Listen`].
fn cannot_listen(address: SocketAddr, purpose: &str, source: &io::Error) -> String {
    let port = address.port();
    let variable = match purpose {
        HTTP => "PORT",
        DYNAMODB => "DYNAMODB_PORT",
        _ => "EVENTS_PORT",
    };
    let problem = match source.kind() {
        io::ErrorKind::AddrNotAvailable => {
            return format!(
                "cannot listen on {address} for {purpose}: {source}; set LISTEN to an address of this machine"
            );
        }
        io::ErrorKind::AddrInUse => format!("port {port} of {} for {purpose} is taken", address.ip()),
        _ => format!("cannot listen on port {port} for {purpose}: {source}"),
    };
    format!("{problem}; set {variable} to another one, or to 0 for any that is free")
}

/// What a stack listens for.
pub(crate) const HTTP: &str = "HTTP requests";
pub(crate) const DYNAMODB: &str = "DynamoDB";
pub(crate) const EVENTS: &str = "EventBridge";
