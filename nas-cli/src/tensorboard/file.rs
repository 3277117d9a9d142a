//! The event files of one folder: one for each session that had something to tell.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use super::message::{Event, START, Scalar, SessionLog, Summary, VERSION, What};
use super::record;

/// What all names begin with, for TensorBoard to know the files by; then come the seconds at which the session began. It
/// reads them in the order of their names.
const NAME: &str = "events.out.tfevents.";

/// A folder of event files, and the one that this session writes, once there is something to write.
pub(super) struct EventFiles {
    folder: PathBuf,
    /// The last step told of, by this session or an earlier one.
    last: Option<u64>,
    /// The seconds in the newest name.
    newest: Option<u64>,
    file: Option<File>,
}

impl EventFiles {
    /// Reads what earlier sessions told; nothing is written yet.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        let mut last = None;
        let names = names(&folder)?;
        for (_, path) in &names {
            for event in record::contents(&fs::read(path)?).into_iter().filter_map(|bytes| Event::decode(bytes).ok()) {
                let step = u64::try_from(event.step).unwrap_or(0);
                match event.what {
                    Some(What::SessionLog(SessionLog { status: START })) => {
                        last = last.filter(|last| *last < step).or(step.checked_sub(1).filter(|_| last.is_some()));
                    }
                    Some(What::Summary(_)) => last = last.max(Some(step)),
                    _ => {}
                }
            }
        }
        Ok(Self { folder, last, newest: names.last().map(|(seconds, _)| *seconds), file: None })
    }

    /// Takes back what was told of steps after `done`.
    pub(super) fn take_back(&mut self, done: u64) -> io::Result<()> {
        if self.last.is_none_or(|last| last <= done) {
            return Ok(());
        }
        self.last = Some(done);
        self.append(done + 1, What::SessionLog(SessionLog { status: START }))
    }

    /// Tells of a step, unless it was told of before.
    pub(super) fn write(&mut self, step: u64, scalars: &[(&str, f64)]) -> io::Result<()> {
        if self.last.is_some_and(|last| step <= last) {
            return Ok(());
        }
        let value = scalars.iter().map(|(tag, value)| Scalar { tag: (*tag).into(), simple_value: *value as f32 });
        self.append(step, What::Summary(Summary { value: value.collect() }))?;
        self.last = Some(step);
        Ok(())
    }

    /// Writes an event and hands it to the system, which keeps it when this process is killed.
    fn append(&mut self, step: u64, what: What) -> io::Result<()> {
        let mut bytes = Vec::new();
        if self.file.is_none() {
            self.begin()?;
            bytes = framed(0, What::FileVersion(VERSION.into()));
        }
        bytes.extend(framed(step, what));
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(&bytes))
    }

    /// Makes the file of this session, by its name the newest even where the clock says otherwise.
    fn begin(&mut self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut seconds = (now() as u64).max(self.newest.map_or(0, |newest| newest + 1));
        self.file = Some(loop {
            match File::create_new(self.folder.join(format!("{NAME}{seconds:010}.nas"))) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => seconds += 1,
                file => break file?,
            }
        });
        Ok(())
    }
}

/// The event files in a folder with the seconds in their names, in the order in which they are read.
fn names(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(NAME));
        let seconds = name.and_then(|rest| rest.split('.').next()?.parse().ok());
        found.extend(seconds.map(|seconds| (seconds, path)));
    }
    found.sort();
    Ok(found)
}

fn framed(step: u64, what: What) -> Vec<u8> {
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    record::frame(&Event { wall_time: now(), step, what: Some(what) }.encode_to_vec())
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// What TensorBoard shows of a folder: for each tag its steps and values, what was taken back left out.
#[cfg(test)]
pub(super) fn shown(folder: &Path) -> std::collections::BTreeMap<String, Vec<(u64, f32)>> {
    let mut tags = std::collections::BTreeMap::<String, Vec<(u64, f32)>>::new();
    for (_, path) in names(folder).unwrap() {
        let bytes = fs::read(path).unwrap();
        let mut events = record::contents(&bytes).into_iter().map(|bytes| Event::decode(bytes).unwrap());
        assert_eq!(events.next().unwrap().what, Some(What::FileVersion(VERSION.into())));
        for Event { wall_time, step, what } in events {
            assert!((now() - wall_time).abs() < 600.0, "the time is this moment's");
            let step = u64::try_from(step).unwrap();
            match what {
                Some(What::SessionLog(_)) => tags.values_mut().for_each(|of| of.retain(|(at, _)| *at < step)),
                Some(What::Summary(summary)) => summary
                    .value
                    .into_iter()
                    .for_each(|scalar| tags.entry(scalar.tag).or_default().push((step, scalar.simple_value))),
                _ => panic!("an event of another kind"),
            }
        }
    }
    tags.retain(|_, steps| !steps.is_empty());
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(folder: &Path) -> Vec<(u64, f32)> {
        shown(folder).remove("loss").unwrap_or_default()
    }

    #[test]
    fn a_session_appends_to_what_earlier_ones_told() {
        let folder = tempfile::tempdir().unwrap();
        let open = || EventFiles::open(folder.path().join("training")).unwrap();
        let mut first = open();
        first.write(1, &[("loss", 0.5), ("rate", 0.1)]).unwrap();
        first.write(2, &[("loss", 0.25)]).unwrap();
        let mut second = open();
        // The history is told once more; only what is new in it is written.
        for step in 1..=3 {
            second.write(step, &[("loss", 1.0 / step as f64)]).unwrap();
        }
        let folder = folder.path().join("training");
        assert_eq!(steps(&folder), [(1, 0.5), (2, 0.25), (3, 1.0 / 3.0)]);
        assert_eq!(shown(&folder)["rate"], [(1, 0.1)]);
        assert_eq!(names(&folder).unwrap().len(), 2, "a file for each session");
    }

    #[test]
    fn what_is_to_be_done_again_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let open = || EventFiles::open(folder.path().to_owned()).unwrap();
        let mut first = open();
        (1..=5).for_each(|step| first.write(step, &[("loss", 1.0)]).unwrap());
        let mut second = open();
        second.take_back(3).unwrap();
        second.write(4, &[("loss", 2.0)]).unwrap();
        assert_eq!(steps(folder.path()), [(1, 1.0), (2, 1.0), (3, 1.0), (4, 2.0)]);
        // A third one learns it from the files: 4 stands as the second told it, 5 is new.
        let mut third = open();
        third.take_back(4).unwrap();
        third.write(4, &[("loss", 3.0)]).unwrap();
        third.write(5, &[("loss", 3.0)]).unwrap();
        assert_eq!(steps(folder.path())[3..], [(4, 2.0), (5, 3.0)]);
        let mut fourth = open();
        fourth.take_back(0).unwrap();
        assert_eq!(steps(folder.path()), []);
        assert_eq!(open().last, Some(0));
    }

    #[test]
    fn a_record_that_a_kill_cut_short_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let open = || EventFiles::open(folder.path().to_owned()).unwrap();
        let mut first = open();
        (1..=2).for_each(|step| first.write(step, &[("loss", 1.0)]).unwrap());
        let (_, path) = &names(folder.path()).unwrap()[0];
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..whole.len() - 3]).unwrap();
        let mut second = open();
        (1..=3).for_each(|step| second.write(step, &[("loss", 2.0)]).unwrap());
        assert_eq!(steps(folder.path()), [(1, 1.0), (2, 2.0), (3, 2.0)]);
    }

    #[test]
    fn nothing_told_is_nothing_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = EventFiles::open(folder.path().join("none")).unwrap();
        files.take_back(7).unwrap();
        assert!(!folder.path().join("none").exists());
    }
}
