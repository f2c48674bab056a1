//! What the tests stand on.

mod answer;
pub mod api;
pub mod description;
pub mod fault_proxy;
pub mod orders;
pub mod roles;
pub mod samples;
mod tables;
pub mod test_folder;

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_config::{Region, SdkConfig};
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_edge::http::LOCAL_CALLER;
use lambda_edge::{Environment, tls};
use local_stack::Options;
use local_stack::template::Template;

/// `EVENT_TYPE_SHARDS` of template.yaml.
pub const SHARDS: NonZeroU32 = NonZeroU32::new(8).unwrap();

pub use answer::Answer;
pub use api::Api;
pub use fault_proxy::{Fault, FaultProxy, Units};
pub use tables::Tables;
pub use test_folder::TestFolder;

pub type Item = HashMap<String, AttributeValue>;

/// Totals have a revision, and marks have nothing but their keys.
pub fn is_row(item: &Item) -> bool {
    !item.contains_key("Revision") && item.len() > 2
}

/// The project's folder.
pub fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub fn template() -> Template {
    template_of(&run::in_memory(project().join("template.yaml")))
}

/// The template that `options` name, with their parameters. Each is read once by all tests together.
pub fn template_of(options: &Options) -> Template {
    type Read = BTreeMap<(PathBuf, BTreeMap<String, String>), Template>;
    static READ: Mutex<Read> = Mutex::new(Read::new());
    let mut read = READ.lock().unwrap();
    let key = (options.template.clone(), options.parameters.clone());
    let template = read
        .entry(key)
        .or_insert_with(|| Template::read_with(&options.template, &options.parameters).unwrap());
    template.clone()
}

/// A function's environment as template.yaml gives it, with some variables changed.
pub fn environment(template: &Template, binary: &str, changed: &[(&str, &str)]) -> Environment {
    let function = template
        .functions
        .iter()
        .find(|function| function.binary == binary)
        .unwrap();
    let local = [(LOCAL_CALLER.to_owned(), "local".to_owned())];
    let changed = changed
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let variables = function.environment.clone().into_iter();
    variables.chain(local).chain(changed).collect()
}

/// `config` in a region of its own, whose name begins with that of who asks there.
///
/// The SDK keeps one budget of retries per region and process. Shared by all tests, it may be used up by the faults of
/// others, and then an operation ends before its last attempt. Instances of a function share none either.
pub fn in_own_region(config: &SdkConfig, name: &str) -> SdkConfig {
    static REGIONS: AtomicUsize = AtomicUsize::new(0);
    let region = format!("{name}-{}", REGIONS.fetch_add(1, Ordering::Relaxed));
    config.to_builder().region(Region::new(region)).build()
}

/// An HTTP client for this machine. It knows no certificates: to read those of all authorities takes most of a small test's time.
pub fn http() -> reqwest::Client {
    tls::install();
    reqwest::Client::builder().tls_certs_only([]).build().unwrap()
}

/// How long a test waits for what must come. That says nothing of speed: a busy machine may take its time.
pub const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Waits until `is_so`; fails after [`LONGEST_WAIT`]. Asks less often the longer it lasts.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        let waited = begun.elapsed();
        assert!(waited < LONGEST_WAIT, "still waiting for {what}");
        let pause = (waited / 20).clamp(Duration::from_millis(1), Duration::from_millis(50));
        tokio::time::sleep(pause).await;
    }
}
