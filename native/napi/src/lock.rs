//! A file that one of all processes holds: the system takes it from a process that ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError, remove_file};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use napi_derive::napi;

/// An error of the system by the name that Node gives it.
type Result<T> = std::result::Result<T, napi::Error<&'static str>>;

#[napi]
pub struct LockFile {
    path: PathBuf,
    /// None once it was let go.
    file: Option<File>,
    made: bool,
}

#[napi]
impl LockFile {
    /// Holds a file, which is made where it is not there; null where another holder has it, in this process or another. The
    /// error `ENOTSUP` is one of a file system without locks.
    #[napi(js_name = "hold")]
    pub fn hold(path: String) -> Result<Option<LockFile>> {
        let path = PathBuf::from(path);
        loop {
            let Some((file, made)) = open(&path).map_err(named)? else { return Ok(None) };
            match take(&file) {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => {
                    if made {
                        remove_file(&path).map_err(named)?;
                    }
                    return Err(napi::Error::new("ENOTSUP", error.to_string()));
                }
            }
            // Its last holder may have removed it before it let go: then it locks nothing
            if stands_at(&file, &path) {
                return Ok(Some(LockFile { path, file: Some(file), made }));
            }
        }
    }

    /// What an earlier holder left in it; null where the file was made for this one.
    #[napi(js_name = "read")]
    pub fn read(&mut self) -> Result<Option<String>> {
        match &mut self.file {
            Some(file) if !self.made => {
                let mut bytes = vec![];
                file.take(1 << 16).read_to_end(&mut bytes).map_err(named)?;
                Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
            }
            _ => Ok(None),
        }
    }

    /// Makes a text its content; false where somebody has removed the file meanwhile, so that it locks nothing.
    #[napi(js_name = "write")]
    pub fn write(&mut self, text: String) -> Result<bool> {
        let Some(file) = &mut self.file else { return Ok(false) };
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes())).map_err(named)?;
        Ok(stands_at(file, &self.path))
    }

    /// Lets it go, and leaves it there.
    #[napi(js_name = "leave")]
    pub fn leave(&mut self) {
        self.file = None;
    }

    /// Removes it, then lets it go: in between nobody can take it.
    #[napi(js_name = "remove")]
    pub fn remove(&mut self) {
        if let Some(file) = self.file.take()
            && stands_at(&file, &self.path)
        {
            let _ = remove_file(&self.path); // what is left is nobody's
        }
    }
}

/// Opens a file, and says whether it was made; None where Windows keeps it for its holder.
fn open(path: &Path) -> io::Result<Option<(File, bool)>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    // A lock on bytes would keep others from reading who holds the file; this keeps them from writing alone
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, FILE_SHARE_READ | FILE_SHARE_DELETE);
    loop {
        match options.clone().create_new(true).open(path) {
            Ok(file) => return Ok(Some((file, true))),
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return shared(error),
            Err(_) => {}
        }
        match options.open(path) {
            Ok(file) => return Ok(Some((file, false))),
            Err(error) if error.kind() != ErrorKind::NotFound => return shared(error),
            // A link to nothing is there and is not
            Err(error) if path.is_symlink() => return Err(error),
            Err(_) => {}
        }
    }
}

#[cfg(windows)]
const FILE_SHARE_READ: u32 = 1;
#[cfg(windows)]
const FILE_SHARE_DELETE: u32 = 4;

/// None where it is another holder's.
fn shared(error: io::Error) -> io::Result<Option<(File, bool)>> {
    const ERROR_SHARING_VIOLATION: i32 = 32;
    if cfg!(windows) && error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) { Ok(None) } else { Err(error) }
}

#[cfg(not(windows))]
fn take(file: &File) -> std::result::Result<(), TryLockError> {
    file.try_lock()
}

/// Who has opened it has it.
#[cfg(windows)]
fn take(_: &File) -> std::result::Result<(), TryLockError> {
    Ok(())
}

#[cfg(unix)]
fn stands_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |of: std::fs::Metadata| (of.dev(), of.ino());
    file.metadata().is_ok_and(|held| path.metadata().is_ok_and(|there| identity(held) == identity(there)))
}

#[cfg(not(unix))]
fn stands_at(_: &File, path: &Path) -> bool {
    path.exists()
}

fn named(error: io::Error) -> napi::Error<&'static str> {
    let code = match error.kind() {
        ErrorKind::NotFound => "ENOENT",
        ErrorKind::PermissionDenied => "EACCES",
        ErrorKind::NotADirectory => "ENOTDIR",
        ErrorKind::IsADirectory => "EISDIR",
        ErrorKind::ReadOnlyFilesystem => "EROFS",
        ErrorKind::StorageFull => "ENOSPC",
        ErrorKind::QuotaExceeded => "EDQUOT",
        _ => "EIO",
    };
    napi::Error::new(code, error.to_string())
}
