//! `nas report`: pages that a strict reader takes, that load nothing, that are the same bytes again; of a finished search, of
//! one that was cut off anywhere, of a benchmark; text of others stays text; what is damaged gets a sentence; the live page.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use roxmltree::{Document, ParsingOptions};

use crate::{command, nas, refused, tiny};

/// The page, parsed by rules stricter than a browser's, after a look at what it would load.
fn check_page(html: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let page = Document::parse_with_options(html, options).unwrap_or_else(|e| panic!("{e}"));
    for node in page.descendants().filter(|node| node.is_element()) {
        for name in ["src", "href", "srcset", "data", "action", "poster"] {
            // Links within the page, an icon that is empty.
            let inside = |value: &str| value.starts_with('#') || value == "data:,";
            assert!(node.attribute(name).is_none_or(inside), "{:?} loads {:?}", node.tag_name(), node.attribute(name));
        }
        assert!(node.attributes().all(|a| !a.name().starts_with("on")), "{:?} acts", node.tag_name());
    }
    for part in ["@import", "url(h", "url(\"", "url('"] {
        assert!(!html.contains(part), "the styles hold {part}");
    }
    let ids: Vec<&str> = page.descendants().filter_map(|node| node.attribute("id")).collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "each id stands once: {ids:?}");
    for link in page.descendants().filter_map(|node| node.attribute("href")?.strip_prefix('#')) {
        assert!(ids.contains(&link), "#{link} leads nowhere");
    }
    page
}

fn headlines<'a>(page: &'a Document<'_>, tag: &str) -> Vec<&'a str> {
    page.descendants().filter(|node| node.has_tag_name(tag)).filter_map(|node| node.text()).collect()
}

/// The report of a folder or a file, as it is written.
fn report(folder: &Path, of: &str) -> String {
    let place = folder.join("page.html");
    nas(folder, &["report", of, "--out", "page.html"]).ok();
    fs::read_to_string(place).unwrap()
}

fn has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "{part:?} is missing");
    }
}

/// What a finished search leaves behind that one under way does not have.
fn cut_off(run: &Path) {
    for file in ["metrics.json", "metrics.csv", "arch.json", "model.safetensors", "report.html", "cells.svg"] {
        let _ = fs::remove_file(run.join(file));
    }
}

fn study(run: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(run.join("study.db")).unwrap();
    connection.execute_batch(sql).unwrap();
}

#[test]
fn a_search_ends_with_a_page_that_loads_nothing_and_is_the_same_again() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    nas(folder, &tiny(&["--out", "run", "--trials", "6"])).ok();
    let own = fs::read_to_string(folder.join("run/report.html")).unwrap();
    let page = check_page(&own);
    assert_eq!(
        headlines(&page, "h2"),
        ["Result", "Architecture", "Search", "Best trials", "Final training", "How to do it again", "Settings"]
    );
    assert!(headlines(&page, "script").is_empty() && !own.contains("<script"), "a file needs no script");
    has(
        &own,
        &[
            "Best so far, by trials",
            "Best so far, by time",
            "Accuracy against parameters",
            "Accuracy against multiply-adds",
        ],
    );
    has(&own, &["nas search --data digits", "normal cell", "reduction cell", "Genotype(normal=", "seed 7"]);
    let metrics: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("run/metrics.json")).unwrap()).unwrap();
    has(&own, &[&format!("{:.2} %", 100.0 * metrics["test"]["accuracy"].as_f64().unwrap())]);
    assert!(!own.contains("not finished"));
    assert!(report(folder, "run") == own && report(folder, "run") == own, "the same study gives the same bytes");
    // Six trials and the random ones that are none of them, each with its words, in both sizes of four charts at most.
    let specks =
        page.descendants().filter(|n| n.attribute("class").is_some_and(|c| c.starts_with("plot-speck"))).count();
    assert!(specks > 6 * 8, "every trial is a dot: {specks}");
}

#[test]
fn a_search_that_was_cut_off_is_reported_as_far_as_it_came() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    nas(folder, &tiny(&["--out", "run", "--trials", "6"])).ok();
    let run = folder.join("run");
    cut_off(&run);
    study(&run, "DELETE FROM trials WHERE arm = 'random'; UPDATE trials SET state = 'running' WHERE number = 5;");
    let html = report(folder, "run");
    check_page(&html);
    has(
        &html,
        &["This search is not finished", "evolution: 5 trials done, 1 begun", "nas resume run", "The best so far."],
    );
    assert!(!html.contains("Test accuracy") && !html.contains("Final training"));
    study(&run, "DELETE FROM trials;");
    let html = report(folder, "run");
    check_page(&html);
    has(&html, &["nothing has been measured yet", "nas search --data digits"]);
}

#[test]
fn searches_on_supernets_and_by_hypernetworks_show_how_they_learned() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let small = ["--epochs", "3", "--channels", "2", "--layers", "3", "--trial-epochs", "1", "--trial-images", "200"];
    let end = ["--final-channels", "2", "--final-layers", "3", "--final-epochs", "1", "--jobs", "1", "--quiet"];
    let search = |out: &str, how: &[&str]| {
        nas(folder, &[&["search", "--out", out][..], &small, &end, how].concat()).ok();
        let html = report(folder, out);
        check_page(&html);
        html
    };
    let darts = search("darts", &["--strategy", "darts1:images=200:random=1:alpha_rate=0.1:early_stop=false"]);
    has(
        &darts,
        &[
            "Accuracy of the supernet",
            "How undecided the architecture is",
            "Skip connections",
            "normal cell",
            "k−2 → 0",
        ],
    );
    let page = check_page(&darts);
    let kept = page.descendants().filter(|n| n.attribute("class") == Some("chosen")).count();
    assert_eq!(kept, 16, "two edges of each of four nodes in both cells are framed");
    let enas = search("enas", &["--strategy", "enas:images=300:random=1", "--space", "enas-micro"]);
    has(
        &enas,
        &["Accuracy on shared weights", "Reward and baseline", "Entropy of the controller", "different candidate"],
    );
    let ghn = search("ghn", &["--strategy", "ghn:samples=6:best=3:random=1"]);
    has(&ghn, &["Accuracy with generated weights", "6 architectures scored", "handed on", "Kendall"]);
}

#[test]
fn a_policy_shows_its_entropy_and_its_rewards() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    nas(folder, &tiny(&["--out", "run", "--strategy", "reinforce", "--trials", "8", "--no-baseline"])).ok();
    let html = fs::read_to_string(folder.join("run/report.html")).unwrap();
    check_page(&html);
    has(&html, &["Entropy of the policy", "Reward and baseline"]);
}

#[test]
fn text_of_others_stays_text() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    nas(folder, &tiny(&["--out", "run"])).ok();
    let run = folder.join("run");
    cut_off(&run);
    fs::write(run.join("command.txt"), "nas search --data '</code><img src=x>'\n").unwrap();
    study(
        &run,
        "UPDATE study SET value = replace(value, '\"digits\"', '\"<img src=x onerror=alert(1)> & ''</main>\"')
             WHERE key = 'config';
         UPDATE study SET value = '<b>nas</b>' WHERE key = 'program';
         UPDATE trials SET state = 'failed', failure_kind = 'a<b', failure_reason = '<script>alert(1)</script>'
             WHERE number = 1;",
    );
    let html = report(folder, "run");
    let page = check_page(&html);
    for tag in ["img", "script", "b"] {
        assert!(!page.descendants().any(|node| node.has_tag_name(tag)), "<{tag}> came in");
    }
    let title = headlines(&page, "h1").concat();
    assert_eq!(title, "evolution on <img src=x onerror=alert(1)> & '</main>");
    let texts: String = page.descendants().filter(|n| n.is_text()).filter_map(|n| n.text()).collect();
    has(&texts, &["<script>alert(1)</script>", "a<b", "<b>nas</b>", "</code><img src=x>"]);
}

#[test]
fn a_benchmark_is_a_page_too() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let args = ["bench", "synthetic", "--strategy", "evolution:population=8,local", "--cost", "fpga_latency"];
    let bench = nas(folder, &[&args[..], &["--queries", "30", "--runs", "8", "--json"]].concat()).ok();
    fs::write(folder.join("bench.json"), &bench.stdout).unwrap();
    let said = nas(folder, &["report", "bench.json"]).ok().stdout;
    assert_eq!(said.trim(), "wrote bench.html");
    let html = fs::read_to_string(folder.join("bench.html")).unwrap();
    check_page(&html);
    has(&html, &["benchmark", "Regret", "Hypervolume: accuracy and fpga_latency", "against random"]);
    let end = bench.json()["strategies"][1].clone();
    has(&html, &[&format!("{:.2} ± {:.2}", end["mean_test"].as_f64().unwrap(), end["std_test"].as_f64().unwrap())]);
    // The command that is named gives the same document.
    let again = "nas bench synthetic --data made-up --strategy evolution:population=8,local,random --cost fpga_latency \
                 --queries 30 --runs 8 --seed 0 --lag 0 --json";
    let words: Vec<&str> = again.split_whitespace().skip(1).collect();
    has(&html, &[again]);
    assert_eq!(nas(folder, &words).ok().stdout, bench.stdout);
    assert_eq!(report(folder, "bench.json"), html);
}

#[test]
fn a_comparison_shows_every_method_finished_or_not() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let mut args = vec!["compare", "--methods", "amoebanet,darts1:images=200", "--epochs", "2", "--trial-epochs", "1"];
    args.extend(["--trial-images", "200", "--channels", "2", "--final-channels", "2", "--final-epochs", "2"]);
    args.extend(["--jobs", "1", "--quiet", "--json", "--out", "side"]);
    let comparison = nas(folder, &args).ok().json();
    let own = fs::read_to_string(folder.join("side/report.html")).unwrap();
    let page = check_page(&own);
    assert_eq!(
        headlines(&page, "h2"),
        ["Result", "What it cost", "What was found", "Runs", "What the papers report", "How to do it again"]
    );
    for row in comparison["methods"].as_array().unwrap() {
        let method = row["method"].as_str().unwrap();
        has(
            &own,
            &[
                method,
                &format!("{:.2} %", row["test_error"].as_f64().unwrap()),
                row["runs"][0]["folder"].as_str().unwrap(),
            ],
        );
    }
    has(
        &own,
        &["Lowest test error: <code>", "Nobody measured them here", "nas compare --data digits --epochs 2 --methods"],
    );
    assert_eq!(report(folder, "side"), own, "the same comparison gives the same bytes");
    let place = folder.join("side/compare.json");
    let mut half = comparison.clone();
    half["state"] = "running".into();
    let run = &mut half["methods"][0]["runs"][0];
    (run["state"], run["outcome"], run["reason"]) = ("failed".into(), serde_json::Value::Null, "it <crashed>".into());
    fs::write(&place, half.to_string()).unwrap();
    let html = report(folder, "side");
    check_page(&html);
    has(
        &html,
        &["This comparison is not finished", "3 of 3 runs have ended", "it &#60;crashed&#62;", "nas resume side"],
    );
    fs::write(&place, "{").unwrap();
    let ran = nas(folder, &["report", "side"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    has(&ran.stderr, &["side/compare.json: it is damaged"]);
}

#[test]
fn what_is_missing_or_damaged_gets_a_sentence() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    nas(folder, &tiny(&["--out", "run"])).ok();
    fs::create_dir(folder.join("empty")).unwrap();
    refused(folder, &["report", "nowhere"], "there is no nowhere; give the folder of a run");
    refused(folder, &["report", "run", "--serve", "here"], "`here` is not an address");
    let damaged = |of: &str, parts: &[&str]| {
        let ran = nas(folder, &["report", of]);
        assert_eq!((ran.code, ran.stderr.trim().lines().count()), (4, 1), "{of}: {}", ran.stderr);
        has(&ran.stderr, parts);
    };
    damaged("empty", &["empty holds no run"]);
    let metrics = fs::read_to_string(folder.join("run/metrics.json")).unwrap();
    fs::write(folder.join("run/metrics.json"), &metrics[..metrics.len() / 2]).unwrap();
    damaged("run", &["run/metrics.json is damaged", "nas resume"]);
    fs::remove_file(folder.join("run/metrics.json")).unwrap();
    study(&folder.join("run"), "INSERT OR REPLACE INTO study VALUES ('nas/supernet', 'x')");
    damaged("run", &["study run/study.db is damaged", "nas/supernet"]);
    let whole = fs::read(folder.join("run/study.db")).unwrap();
    fs::write(folder.join("run/study.db"), &whole[..whole.len() / 2]).unwrap();
    damaged("run", &["run/study.db is damaged"]);
    fs::write(folder.join("bench.json"), "{}").unwrap();
    damaged("bench.json", &["bench.json is not what `nas bench --json` prints", "missing field"]);
    fs::write(folder.join("bench.json"), "accuracy,loss\n").unwrap();
    damaged("bench.json", &["bench.json is no JSON document"]);
    let bench = nas(folder, &["bench", "synthetic", "--queries", "3", "--runs", "2", "--json"]).ok().stdout;
    fs::write(folder.join("bench.json"), bench.replacen("\"version\": 1", "\"version\": 2", 1)).unwrap();
    damaged("bench.json", &["has version 2", "update nas"]);
}

/// Asks for the page once.
fn get(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_search_can_be_followed_in_a_browser() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    nas(folder, &tiny(&["--out", "run"])).ok();
    let run = folder.join("run");
    let metrics = fs::read(run.join("metrics.json")).unwrap();
    cut_off(&run);
    let mut child =
        command(folder, &["report", "run", "--serve", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let address = said.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
    // A caller who says nothing keeps nobody waiting.
    let silent = TcpStream::connect(&address).unwrap();
    let first = get(&address);
    has(&first, &["HTTP/1.1 200 OK", "This search is not finished", "<script>"]);
    check_page(first.split_once("\r\n\r\n").unwrap().1);
    study(&run, "DELETE FROM trials WHERE arm = 'random'");
    assert_ne!(get(&address), first, "the page follows the study");
    fs::write(run.join("metrics.json"), metrics).unwrap();
    let last = get(&address);
    has(&last, &["Test accuracy"]);
    assert!(!last.contains("<script>"), "a finished run need not be followed");
    drop(silent);
    child.kill().unwrap();
    child.wait().unwrap();
}
