//! What a stack can be told.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// What to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The path of the SAM template.
    pub template: PathBuf,
    /// Values of the template's parameters, in place of their defaults.
    pub parameters: BTreeMap<String, String>,
    pub data: Data,
    /// One more address at which gateway, DynamoDB and EventBridge listen beside 127.0.0.1: an IP address, or the name of a
    /// network interface or host. All of them is `0.0.0.0`.
    pub listen: Option<String>,
    /// The port of the HTTP gateway; 0 takes a free one.
    pub port: u16,
    pub dynamodb: DynamoDb,
    /// The port of EventBridge, if the template has an event bus; 0 takes a free one.
    pub events_port: u16,
    pub bus_faults: BusFaults,
    /// Another way for the functions, and only them, to the same DynamoDB: tests put a proxy there that injects faults.
    pub function_dynamodb_endpoint: Option<String>,
    /// The functions run behind this URL (`cargo lambda watch`) instead of in this process, and without the gateway.
    pub remote_functions: Option<String>,
    /// Variables that each function has on this machine, beside the template's and over them.
    pub variables: BTreeMap<String, String>,
}

/// What EventBridge may do to events, and seldom does: tests ask for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct BusFaults {
    /// Every target gets every event twice.
    pub deliver_twice: bool,
    /// Events come out of order, each some moments later, by random numbers of this seed.
    pub shuffle: Option<u64>,
}

/// Where items, messages and checkpoints are kept.
#[derive(Debug, Clone)]
pub enum Data {
    Memory,
    /// Made when it is missing.
    Folder(PathBuf),
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Folder(folder) => folder.display().fmt(f),
        }
    }
}

#[derive(Debug, Clone)]
pub enum DynamoDb {
    Embedded {
        /// 0 takes a free one.
        port: u16,
    },
    /// The URL of any other.
    Endpoint(String),
}

impl Options {
    /// Everything in memory and on free ports, as tests want it.
    pub fn in_memory(template: impl Into<PathBuf>) -> Self {
        Self {
            template: template.into(),
            parameters: BTreeMap::new(),
            data: Data::Memory,
            listen: None,
            port: 0,
            dynamodb: DynamoDb::Embedded { port: 0 },
            events_port: 0,
            bus_faults: BusFaults::default(),
            function_dynamodb_endpoint: None,
            remote_functions: None,
            variables: BTreeMap::new(),
        }
    }
}
