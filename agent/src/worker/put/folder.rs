//! The folder that a file goes into: opened once, and from then on named by nothing but its descriptor.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::{AsFd as _, OwnedFd},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use muster_base::{OrderId, Sha256Stream};
use nix::{
    errno::Errno,
    fcntl::{AtFlags, OFlag, RenameFlags, open, openat, renameat, renameat2},
    sys::{
        stat::{Mode, SFlag, fchmod, fstat, fstatat},
        statvfs::fstatvfs,
    },
    unistd::{UnlinkatFlags, linkat, unlinkat},
};

/// No more than these bits are ever set.
const PERMISSIONS: u32 = 0o777;
/// Read at a time.
const PIECE: usize = 64 << 10;

/// What the file system refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    #[error(
        "the folder {0} is not there, or is hidden from the agent's worker (ProtectHome, PrivateTmp): make it first"
    )]
    NotThere(String),
    #[error("{0} is not a folder, or a link was put there while it was looked at")]
    NoFolder(String),
    #[error(
        "the folder {0} is read-only for the agent's worker: put `[Service]` and `ReadWritePaths={0}` into \
         /etc/systemd/system/muster-worker@.service.d/files.conf on this host, and run `systemctl daemon-reload`"
    )]
    ReadOnly(String),
    #[error(
        "the agent's worker may not write into {0}: it is root without privileges, so the folder must belong to root, or \
         let it write"
    )]
    Denied(String),
    #[error("there is no room left in {0}")]
    Full(String),
    #[error("the path {0} leads to is not UTF-8, and no pattern of the policy allows such a one")]
    NotText(String),
    #[error("{0} can't be written: {1}")]
    Failed(String, #[source] Errno),
    #[error("{0} can't be read: {1}")]
    Unreadable(String, #[source] Errno),
}

/// What is where the file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Present {
    /// Nothing.
    Nothing,
    /// A plain file.
    File { device: u64, inode: u64 },
    /// A folder, a link, a device, ….
    Other,
}

/// A folder, and the name of a file in it. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    open: Arc<OwnedFd>,
    /// Without links.
    real: PathBuf,
    name: String,
}

impl Folder {
    /// The folder that an absolute path leads to, links and all; then opened without following any.
    pub(super) fn of(path: &str) -> Result<Self, FolderError> {
        let no_folder = || FolderError::NoFolder(path.to_owned());
        let (above, name) = path.rsplit_once('/').ok_or_else(no_folder)?;
        let above = if above.is_empty() { "/" } else { above };
        let real = Path::new(above).canonicalize().map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => FolderError::NotThere(above.to_owned()),
            std::io::ErrorKind::PermissionDenied => FolderError::Denied(above.to_owned()),
            _ => FolderError::NoFolder(above.to_owned()),
        })?;
        if real.to_str().is_none() {
            return Err(FolderError::NotText(above.to_owned()));
        }
        Ok(Self {
            open: Arc::new(walk(&real)?),
            real,
            name: name.to_owned(),
        })
    }

    /// The file's path without links. All of it is UTF-8: nothing in it is replaced by what a pattern might allow.
    pub(super) fn path(&self) -> String {
        self.real.join(&self.name).to_string_lossy().into_owned()
    }

    /// What is there now.
    pub(super) fn look(&self) -> Result<Present, FolderError> {
        match fstatat(&*self.open, self.name.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG => {
                Ok(Present::File {
                    device: stat.st_dev,
                    inode: stat.st_ino,
                })
            }
            Ok(_) => Ok(Present::Other),
            Err(Errno::ENOENT) => Ok(Present::Nothing),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// Whether the file is there, a plain one of this size and digest. Reads all of it.
    pub(super) fn holds(&self, size: u64, sha256: &[u8; 32]) -> Result<bool, FolderError> {
        // A pipe would be waited for.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let mut file: File = match openat(&*self.open, self.name.as_str(), flags, Mode::empty()) {
            Ok(open) => open.into(),
            // Nothing, a link, a socket.
            Err(Errno::ENOENT | Errno::ELOOP | Errno::ENXIO) => return Ok(false),
            Err(errno) => return Err(self.unreadable(errno)),
        };
        let unreadable = |e: std::io::Error| self.unreadable(errno(&e));
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() || metadata.len() != size {
            return Ok(false);
        }
        let (mut digest, mut piece) = (Sha256Stream::default(), vec![0; PIECE]);
        loop {
            match file.read(&mut piece) {
                Ok(0) => return Ok(digest.finish().0 == *sha256),
                Ok(read) => digest.update(piece.get(..read).unwrap_or_default()),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(unreadable(e)),
            }
        }
    }

    /// How large the file is that an attempt at this order has left beside the place, if it has.
    pub(super) fn part_len(&self, order: OrderId) -> Result<Option<u64>, FolderError> {
        match fstatat(
            &*self.open,
            part_name(order).as_str(),
            AtFlags::AT_SYMLINK_NOFOLLOW,
        ) {
            Ok(stat) => Ok(Some(u64::try_from(stat.st_size).unwrap_or_default())),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// Bytes that are free for the likes of us.
    pub(super) fn free(&self) -> Result<u64, FolderError> {
        let stat = fstatvfs(&*self.open).map_err(|errno| self.failed(errno))?;
        Ok(stat.blocks_available().saturating_mul(stat.fragment_size()))
    }

    /// Removes what an earlier attempt at this order left.
    pub(super) fn forget(&self, order: OrderId) -> Result<(), FolderError> {
        match unlinkat(&*self.open, part_name(order).as_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// A new file beside the place, for this user alone.
    pub(super) fn begin(&self, order: OrderId) -> Result<Part, FolderError> {
        let name = part_name(order);
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = openat(&*self.open, name.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)
            .map_err(|errno| self.failed(errno))?;
        Ok(Part {
            folder: self.clone(),
            name,
            file: file.into(),
            len: 0,
            digest: Sha256Stream::default(),
            stays: false,
        })
    }

    /// What was done to names in it outlasts a power cut from now on.
    pub(super) fn sync(&self) -> Result<(), FolderError> {
        nix::unistd::fsync(&*self.open).map_err(|errno| self.failed(errno))
    }

    fn unreadable(&self, errno: Errno) -> FolderError {
        FolderError::Unreadable(self.path(), errno)
    }

    fn failed(&self, errno: Errno) -> FolderError {
        let folder = self.real.to_string_lossy().into_owned();
        failed(folder, errno)
    }
}

/// A file that is not whole yet. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct Part {
    folder: Folder,
    name: String,
    file: File,
    len: u64,
    digest: Sha256Stream,
    stays: bool,
}

impl Part {
    /// Bytes that were written.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), FolderError> {
        self.file
            .write_all(bytes)
            .map_err(|e| self.folder.failed(errno(&e)))?;
        self.digest.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Whether what was written has this digest.
    pub(super) fn has(&self, sha256: &[u8; 32]) -> bool {
        self.digest.clone().finish().0 == *sha256
    }

    /// Gives it its permissions, and sees it onto the disk.
    pub(super) fn keep(&self, mode: u32) -> Result<(), FolderError> {
        fchmod(self.file.as_fd(), Mode::from_bits_truncate(mode & PERMISSIONS))
            .map_err(|errno| self.folder.failed(errno))?;
        self.file.sync_all().map_err(|e| self.folder.failed(errno(&e)))
    }

    /// Leaves it beside the place, for a next attempt to see.
    pub(super) fn leave(mut self) {
        self.stays = true;
    }

    /// Which file it is.
    pub(super) fn identity(&self) -> Result<(u64, u64), FolderError> {
        let stat = fstat(self.file.as_fd()).map_err(|errno| self.folder.failed(errno))?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// Gives it its name, in the place of what has it if it is to be replaced. False if something has it and is not.
    pub(super) fn place(mut self, replace: bool) -> Result<bool, FolderError> {
        let open = &*self.folder.open;
        let (part, name) = (self.name.as_str(), self.folder.name.as_str());
        let placed = if replace {
            renameat(open, part, open, name)
        } else {
            match renameat2(open, part, open, name, RenameFlags::RENAME_NOREPLACE) {
                // A file system that does not know of this knows of links; what is left is removed when this is dropped.
                Err(Errno::EINVAL | Errno::ENOSYS) => {
                    return match linkat(open, part, open, name, AtFlags::empty()) {
                        Ok(()) => Ok(true),
                        Err(Errno::EEXIST) => Ok(false),
                        Err(errno) => Err(self.folder.failed(errno)),
                    };
                }
                done => done,
            }
        };
        match placed {
            Ok(()) => {
                self.stays = true;
                Ok(true)
            }
            Err(Errno::EEXIST) if !replace => Ok(false),
            Err(errno) => Err(self.folder.failed(errno)),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.stays
            && let Err(errno) = unlinkat(&*self.folder.open, self.name.as_str(), UnlinkatFlags::NoRemoveDir)
        {
            tracing::warn!(error = %errno, "a file that was not placed could not be removed");
        }
    }
}

/// Opens a folder by a path that has no link in it: one that has got one meanwhile is refused. The folders above it need
/// to be passed through, not read.
fn walk(real: &Path) -> Result<OwnedFd, FolderError> {
    let folder = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let (through, into) = (OFlag::O_PATH | folder, OFlag::O_RDONLY | folder);
    let why = |errno| failed(real.to_string_lossy().into_owned(), errno);
    let mut at = open("/", through, Mode::empty()).map_err(why)?;
    for part in real.components() {
        if let Component::Normal(part) = part {
            at = openat(&at, part, through, Mode::empty()).map_err(why)?;
        }
    }
    openat(&at, ".", into, Mode::empty()).map_err(why)
}

fn failed(folder: String, errno: Errno) -> FolderError {
    match errno {
        Errno::EROFS => FolderError::ReadOnly(folder),
        Errno::EACCES | Errno::EPERM => FolderError::Denied(folder),
        Errno::ENOSPC | Errno::EDQUOT => FolderError::Full(folder),
        Errno::ENOENT => FolderError::NotThere(folder),
        Errno::ENOTDIR | Errno::ELOOP => FolderError::NoFolder(folder),
        other => FolderError::Failed(folder, other),
    }
}

fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

fn part_name(order: OrderId) -> String {
    format!(".{order}.part")
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use muster_base::{Clock, sha256};

    use super::*;

    struct Ground(tempfile::TempDir);

    impl Ground {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, below: &str) -> String {
            let root = self.0.path().canonicalize().unwrap();
            root.join(below).to_string_lossy().into_owned()
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(self.0.path()).unwrap();
            let mut names: Vec<_> = entries
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        }
    }

    fn written(folder: &Folder, bytes: &[u8]) -> Part {
        let mut part = folder.begin(Clock::system().new_id()).unwrap();
        part.write(bytes).unwrap();
        assert!(part.has(&sha256(bytes).0) && !part.has(&[0; 32]));
        part.keep(0o104_640).unwrap();
        part
    }

    #[test]
    fn a_file_gets_its_name_only_when_it_is_whole() {
        use std::os::unix::fs::PermissionsExt as _;
        let ground = Ground::new();
        let folder = Folder::of(&ground.path("x")).unwrap();
        drop(written(&folder, b"half"));
        assert!(ground.names().is_empty(), "what is dropped is gone");
        let part = written(&folder, b"one");
        let (device, inode) = part.identity().unwrap();
        assert_eq!(folder.look().unwrap(), Present::Nothing);
        assert!(part.place(false).unwrap());
        assert_eq!(folder.look().unwrap(), Present::File { device, inode });
        let mode = fs::metadata(ground.path("x")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o640, "permissions and nothing else");
        assert!(!written(&folder, b"two").place(false).unwrap());
        assert_eq!(fs::read(ground.path("x")).unwrap(), b"one");
        assert!(written(&folder, b"two").place(true).unwrap());
        assert_eq!(fs::read(ground.path("x")).unwrap(), b"two");
        folder.sync().unwrap();
        assert_eq!(ground.names(), ["x"]);
    }

    #[test]
    fn what_a_killed_attempt_left_is_removed() {
        let ground = Ground::new();
        let folder = Folder::of(&ground.path("x")).unwrap();
        let order = Clock::system().new_id();
        assert_eq!(folder.part_len(order).unwrap(), None);
        let mut part = folder.begin(order).unwrap();
        part.write(b"half").unwrap();
        std::mem::forget(part);
        assert_eq!(ground.names().len(), 1);
        assert_eq!(folder.part_len(order).unwrap(), Some(4));
        folder.forget(order).unwrap();
        folder.forget(order).unwrap();
        assert!(ground.names().is_empty());
    }

    #[test]
    fn what_was_placed_is_known_by_what_it_holds() {
        let ground = Ground::new();
        let folder = Folder::of(&ground.path("x")).unwrap();
        let (size, digest) = (3, sha256(b"one").0);
        assert!(!folder.holds(size, &digest).unwrap(), "nothing is there");
        assert!(written(&folder, b"one").place(false).unwrap());
        assert!(folder.holds(size, &digest).unwrap());
        fs::write(ground.path("x"), b"two").unwrap();
        assert!(
            !folder.holds(size, &digest).unwrap(),
            "the same file, with other bytes"
        );
        fs::write(ground.path("x"), b"longer").unwrap();
        assert!(!folder.holds(size, &digest).unwrap());
        fs::write(ground.path("y"), b"one").unwrap();
        fs::remove_file(ground.path("x")).unwrap();
        symlink(ground.path("y"), ground.path("x")).unwrap();
        assert!(!folder.holds(size, &digest).unwrap(), "a link is not followed");
        fs::remove_file(ground.path("x")).unwrap();
        fs::create_dir(ground.path("x")).unwrap();
        assert!(!folder.holds(size, &digest).unwrap());
    }

    #[test]
    fn folders_on_the_way_need_not_be_readable_and_paths_must_be_text() {
        use std::os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _};
        let ground = Ground::new();
        fs::create_dir_all(ground.path("way/into")).unwrap();
        fs::set_permissions(ground.path("way"), fs::Permissions::from_mode(0o711)).unwrap();
        let folder = Folder::of(&ground.path("way/into/x")).unwrap();
        assert!(written(&folder, b"one").place(false).unwrap());
        folder.sync().unwrap();
        fs::set_permissions(ground.path("way"), fs::Permissions::from_mode(0o311)).unwrap();
        assert!(
            written(&Folder::of(&ground.path("way/into/x")).unwrap(), b"two")
                .place(true)
                .unwrap()
        );
        fs::set_permissions(ground.path("way"), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Folder::of("/x").is_ok(), "the top is a folder too");

        let no_text = ground.0.path().join(std::ffi::OsStr::from_bytes(b"no\xfftext"));
        fs::create_dir(&no_text).unwrap();
        symlink(&no_text, ground.path("leads")).unwrap();
        let error = Folder::of(&ground.path("leads/x")).unwrap_err();
        assert!(matches!(error, FolderError::NotText(_)), "{error}");
    }

    #[test]
    fn a_link_is_told_where_it_leads_and_is_no_plain_file() {
        let ground = Ground::new();
        fs::create_dir(ground.path("real")).unwrap();
        symlink(ground.path("real"), ground.path("way")).unwrap();
        let folder = Folder::of(&ground.path("way/x")).unwrap();
        assert_eq!(folder.path(), ground.path("real/x"));
        symlink("/etc/passwd", ground.path("real/x")).unwrap();
        assert_eq!(folder.look().unwrap(), Present::Other);
        // What is put into the place of a folder after it was looked at is not followed.
        let error = walk(Path::new(&ground.path("way"))).unwrap_err();
        assert!(matches!(error, FolderError::NoFolder(_)), "{error}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_said() {
        let ground = Ground::new();
        let error = Folder::of(&ground.path("nowhere/x")).unwrap_err();
        assert!(matches!(error, FolderError::NotThere(_)), "{error}");
        fs::write(ground.path("file"), "").unwrap();
        let error = Folder::of(&ground.path("file/x")).unwrap_err();
        assert!(matches!(error, FolderError::NoFolder(_)), "{error}");
        let read_only = failed("/srv/app".to_owned(), Errno::EROFS).to_string();
        assert!(read_only.contains("ReadWritePaths=/srv/app"), "{read_only}");
    }
}
