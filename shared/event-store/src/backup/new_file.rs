//! A file that has its name only once it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// A file in the making, under a name of its own beside the one that it will have. Dropped, it is gone.
pub(super) struct NewFile {
    writer: BufWriter<File>,
    partial: PathBuf,
    target: PathBuf,
}

impl NewFile {
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] when there is a file of that name, otherwise what the system said.
    pub fn create(target: &Path) -> io::Result<Self> {
        if target.symlink_metadata().is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let Some(name) = target.file_name() else {
            return Err(ErrorKind::InvalidInput.into());
        };
        let mut name = name.to_owned();
        name.push(format!(".{}.partial", Uuid::now_v7()));
        let partial = target.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // It holds what customers ordered, and where they live.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self {
            writer: BufWriter::new(options.open(&partial)?),
            partial,
            target: target.to_owned(),
        })
    }

    /// Gives the file its name, once its bytes are on the disk.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] when a file of that name has appeared, otherwise what the system said.
    pub fn complete(mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()?;
        // A link fails where a rename would overwrite; but not every file system has links.
        match fs::hard_link(&self.partial, &self.target) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
            Err(_) if self.target.symlink_metadata().is_ok() => return Err(ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(&self.partial, &self.target)?,
        }
        sync_folder_of(&self.target)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // It may have been renamed; and what cannot be removed is left, under a name that says what it is.
        let _ = fs::remove_file(&self.partial);
    }
}

/// The name is on the disk only when its folder is.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if cfg!(unix) {
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
