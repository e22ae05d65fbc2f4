//! The bytes of a file in parts: read where they stand, on many threads, or unpacked from gzip one after the other.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// How a file is cut into parts. A buffer holds what is needed of one: the byte that may end the line before, `part` bytes, and
/// `over` bytes, in which its last line ends.
#[derive(Clone, Copy)]
pub struct Cut {
    pub part: u64,
    pub over: u64,
}

impl Cut {
    /// Bytes in the buffer before those of the part.
    pub fn before(self, part: usize) -> u64 {
        u64::from(part > 0)
    }

    /// Bytes of a buffer that the end of the file does not cut short.
    pub fn whole(self, part: usize) -> u64 {
        self.before(part) + self.part + self.over
    }
}

/// Where the parts of a file come from.
pub enum Source<'a> {
    Plain { path: &'a Path, parts: usize },
    Gzip(Box<Unpacked>),
}

impl<'a> Source<'a> {
    pub fn open(path: &'a Path, gzip: bool, cut: Cut) -> io::Result<Self> {
        let file = File::open(path)?;
        if gzip {
            return Ok(Self::Gzip(Box::new(Unpacked::new(file))));
        }
        let parts = file.metadata()?.len().div_ceil(cut.part);
        Ok(Self::Plain { path, parts: usize::try_from(parts).map_err(io::Error::other)? })
    }

    /// How many parts from `first` on there are, up to one for each buffer. They are in the buffers already where they can only be
    /// read in order.
    pub fn next<'b>(
        &mut self,
        first: usize,
        cut: Cut,
        buffers: impl ExactSizeIterator<Item = &'b mut Vec<u8>>,
    ) -> io::Result<usize> {
        match self {
            Self::Plain { parts, .. } => Ok(buffers.len().min(*parts - first)),
            Self::Gzip(text) => {
                let mut count = 0;
                for buffer in buffers {
                    if !text.next(first + count, cut, buffer)? {
                        break;
                    }
                    count += 1;
                }
                Ok(count)
            }
        }
    }

    /// Puts a part into its buffer, where it is not there already.
    pub fn read(&self, part: usize, cut: Cut, file: &mut Option<File>, buffer: &mut Vec<u8>) -> io::Result<()> {
        let Self::Plain { path, .. } = self else { return Ok(()) };
        let file = match file {
            Some(file) => file,
            none => none.insert(File::open(path)?),
        };
        file.seek(SeekFrom::Start(part as u64 * cut.part - cut.before(part)))?;
        buffer.clear();
        file.take(cut.whole(part)).read_to_end(buffer)?;
        Ok(())
    }
}

/// The text of a gzip archive of one or more members.
pub struct Unpacked {
    text: MultiGzDecoder<BufReader<File>>,
    /// What the next part has in common with the one before it.
    kept: Vec<u8>,
}

impl Unpacked {
    fn new(file: File) -> Self {
        Self { text: MultiGzDecoder::new(BufReader::with_capacity(1 << 18, file)), kept: vec![] }
    }

    /// Puts a part into the buffer; false where there is none.
    fn next(&mut self, part: usize, cut: Cut, buffer: &mut Vec<u8>) -> io::Result<bool> {
        buffer.clear();
        buffer.extend_from_slice(&self.kept);
        let missing = cut.whole(part) - buffer.len() as u64;
        buffer.reserve(missing as usize);
        self.text.by_ref().take(missing).read_to_end(buffer)?;
        let end = (cut.before(part) + cut.part) as usize; // of the part, which the next one's first byte stands before
        self.kept.clear();
        self.kept.extend_from_slice(buffer.get(end - 1..).unwrap_or_default());
        Ok(buffer.len() as u64 > cut.before(part))
    }
}
