//! What `nas bench` says: a table for people, a JSON document for programs, curves for papers.

use std::sync::Arc;

use nas_bench::stats::{Interval, Summary};
use nas_bench::{Curves, Plan, Table};
use serde_json::{Value, json};

use crate::output::table::{Align, table};
use crate::report::{Document, bench_chart, queries_shown};
use crate::strategies::{Method, RANDOM};

/// Everything there is to report.
pub struct Report<'a> {
    pub table: &'a Arc<Table>,
    pub plan: Plan,
    pub methods: &'a [Method],
    pub curves: &'a [Curves],
}

/// Accuracies are said in percent.
const PERCENT: f64 = 100.0;

impl Report<'_> {
    fn random(&self) -> &Curves {
        self.curves.iter().find(|curves| curves.name() == RANDOM).expect("random search always runs along")
    }

    /// The JSON document.
    pub fn document(&self) -> Value {
        let (table, plan) = (self.table, &self.plan);
        let optimum = table.optimum();
        json!({
            "format": "nas-bench",
            "version": 1,
            "program": crate::PROGRAM,
            "table": table.name(),
            "data": table.data(),
            "architectures": table.len(),
            "judged_by": table.judge(),
            "unit": "percent",
            "epochs_per_query": table.query_epochs(),
            "cost": table.costs().map(|costs| costs.device()),
            "optimum": {
                "test": PERCENT * optimum.test,
                "architecture": table.space().text(&optimum.architecture),
            },
            "mean_of_table": PERCENT * table.mean_test(),
            "queries": plan.queries,
            "runs": plan.runs,
            "seed": plan.seed,
            "lag": plan.lag,
            "strategies": self.methods.iter().zip(self.curves).map(|(m, c)| self.strategy(m, c)).collect::<Vec<_>>(),
        })
    }

    /// One strategy: after the last query, and after each of them.
    fn strategy(&self, method: &Method, curves: &Curves) -> Value {
        let last = curves.queries();
        let mut value = self.point(curves, last);
        let fields = value.as_object_mut().expect("a point is an object");
        fields.shift_insert(0, "strategy".into(), method.known.name.into());
        fields.shift_insert(1, "method".into(), method.to_string().into());
        fields.insert("runs".into(), curves.runs().into());
        fields.insert("curve".into(), (1..=last).map(|queries| self.point(curves, queries)).collect());
        value
    }

    /// What a strategy's choices were worth after so many queries.
    fn point(&self, curves: &Curves, queries: usize) -> Value {
        let test = curves.test_at(queries);
        let against = curves.against(self.random(), queries);
        let mut value = json!({
            "queries": queries,
            "mean_test": PERCENT * test.mean,
            "std_test": PERCENT * test.std,
            "lower_quartile_test": PERCENT * test.lower_quartile,
            "median_test": PERCENT * test.median,
            "upper_quartile_test": PERCENT * test.upper_quartile,
            "regret": PERCENT * (self.table.optimum().test - test.mean),
            "against_random": {
                "mean": PERCENT * against.mean,
                "low": PERCENT * against.low,
                "high": PERCENT * against.high,
            },
        });
        if let Some(share) = curves.hypervolume_at(queries) {
            value["hypervolume"] = json!({ "mean": share.mean, "std": share.std, "median": share.median });
        }
        if let Some(seconds) = curves.seconds_at(queries) {
            value["simulated_seconds"] = json!({ "mean": seconds.mean, "std": seconds.std });
        }
        value
    }

    /// The table for people.
    pub fn text(&self) -> String {
        let optimum = self.table.optimum();
        let last = self.curves.first().map_or(0, Curves::queries);
        let at: Vec<usize> = queries_shown(last as u64, 4).into_iter().map(|at| at as usize).collect();
        let names: Vec<String> =
            at.iter().map(|n| if *n == 1 { "1 query".into() } else { format!("{n} queries") }).collect();
        let mut head = vec![("strategy", Align::Left)];
        head.extend(names.iter().map(|name| (name.as_str(), Align::Right)));
        head.extend([("median (quartiles)", Align::Right), ("against random", Align::Right)]);
        let mut order: Vec<&Curves> = self.curves.iter().collect();
        order.sort_by(|a, b| b.test_at(b.queries()).mean.total_cmp(&a.test_at(a.queries()).mean));
        let rows: Vec<Vec<String>> = order
            .iter()
            .map(|curves| {
                let last = curves.queries();
                let mut row = vec![curves.name().to_owned()];
                row.extend(at.iter().map(|queries| mean_and_spread(&curves.test_at(*queries))));
                row.push(median(&curves.test_at(last)));
                row.push(if curves.name() == RANDOM {
                    String::new()
                } else {
                    interval(&curves.against(self.random(), last))
                });
                row
            })
            .collect();
        let mut text = format!(
            "{}, {}: {} of the choice so far, mean ± standard deviation of {} runs\n\n{}\n\nThe best architecture has \
             {:.2} %, the mean of all {:.2} %. Against random: the mean difference at the end, run by run, with its 95 % \
             interval.",
            self.table.name(),
            self.table.data(),
            self.table.judge(),
            self.plan.runs,
            table(&head, &rows),
            PERCENT * optimum.test,
            PERCENT * self.table.mean_test(),
        );
        if let Some(costs) = self.table.costs() {
            let rows: Vec<Vec<String>> = order
                .iter()
                .map(|curves| {
                    let share = |queries: &usize| curves.hypervolume_at(*queries).map(|s| mean_and_spread(&s));
                    let mut row = vec![curves.name().to_owned()];
                    row.extend(at.iter().map(|queries| share(queries).unwrap_or_default()));
                    row
                })
                .collect();
            text += &format!(
                "\n\nTwo objectives, accuracy after {} epochs and {}: share of the true front's hypervolume found, in %, \
                 against the worst of the table in both\n\n{}",
                self.table.query_epochs(),
                costs.device(),
                table(&head[..=at.len()], &rows),
            );
        }
        if let Some(seconds) = self.random().seconds_at(self.plan.queries as usize) {
            text += &format!(
                "\n\nTraining what random search asked for would have taken {} a run.",
                crate::units::seconds(seconds.mean)
            );
        }
        text
    }

    /// The curves.
    pub fn svg(&self) -> String {
        let document = Document::of(self.document()).expect("what is printed here can be read here");
        bench_chart(&document).to_file()
    }
}

fn mean_and_spread(summary: &Summary) -> String {
    format!("{:.2} ± {:.2}", PERCENT * summary.mean, PERCENT * summary.std)
}

fn median(summary: &Summary) -> String {
    let [low, middle, high] = [summary.lower_quartile, summary.median, summary.upper_quartile].map(|v| PERCENT * v);
    format!("{middle:.2} ({low:.2}, {high:.2})")
}

fn interval(of: &Interval) -> String {
    format!("{:+.2} ({:+.2}, {:+.2})", PERCENT * of.mean, PERCENT * of.low, PERCENT * of.high)
}
