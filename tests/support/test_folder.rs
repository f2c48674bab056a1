//! A folder of the test's own.

use std::path::{Path, PathBuf};

use uuid::Uuid;

/// Gone when it is dropped.
pub struct TestFolder(PathBuf);

impl TestFolder {
    pub fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("ordermaster-{}", Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// What is in it.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
