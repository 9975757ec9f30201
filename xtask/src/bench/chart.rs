//! Pictures of the record: each case as a multiple of the best peer, on a linear axis from nought.
//!
//! Like the page they are made from the record alone. A bar is ours, its bracket from the worst to the best
//! round; a point is another producer.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::record::{Figure, Measured, Record, Role};

/// A picture: one figure of all cases that have it.
struct Picture {
    file: &'static str,
    title: &'static str,
    figure: Figure,
    is_paced: bool,
}

const PICTURES: [Picture; 3] = [
    Picture {
        file: "throughput.svg",
        title: "records/s, as a multiple of the best peer: more is better",
        figure: Figure::RecordsPerSecond,
        is_paced: false,
    },
    Picture {
        file: "cpu.svg",
        title: "CPU per record, as a multiple of the best peer: less is better",
        figure: Figure::CpuPerRecord,
        is_paced: false,
    },
    Picture {
        file: "latency.svg",
        title: "half of the records are acknowledged in, as a multiple of the best peer: less is better",
        figure: Figure::P50,
        is_paced: true,
    },
];

/// A case in a picture; every number is a multiple of the best peer's median.
struct Row {
    name: String,
    what: String,
    ours: f64,
    worst_and_best: (f64, f64),
    peers: Vec<f64>,
}

/// Writes all pictures, and returns the Markdown that shows them.
pub(super) fn write(record: &Record, dir: &Path) -> Result<String> {
    let mut shown = String::new();
    for picture in &PICTURES {
        let cases = record.cases.iter();
        let cases = cases.filter(|measured| measured.case.flags.is_paced() == picture.is_paced);
        let rows: Vec<Row> = cases
            .filter_map(|measured| row(measured, picture.figure))
            .collect();
        if rows.is_empty() {
            continue;
        }
        let svg = draw(picture.title, &rows)?;
        let path = dir.join(picture.file);
        std::fs::write(&path, svg)
            .with_context(|| format!("{} can not be written", path.display()))?;
        shown.push_str(&format!("![{}]({})\n\n", picture.title, picture.file));
    }
    Ok(shown)
}

/// Nothing if ours or all peers are missing.
fn row(measured: &Measured, figure: Figure) -> Option<Row> {
    let best = measured.best_peer(figure).filter(|best| *best > 0.0)?;
    let (name, ours) = measured.medians(Role::Ours, figure).into_iter().next()?;
    let peers = measured.medians(Role::Peer, figure);
    let (low, high) = measured.range(name, figure)?;
    Some(Row {
        name: measured.case.name.clone(),
        what: measured.case.what.clone(),
        ours: ours / best,
        worst_and_best: (low / best, high / best),
        peers: peers.into_iter().map(|(_, median)| median / best).collect(),
    })
}

/// Pixels.
const WIDTH: u32 = 900;
const ROW_HEIGHT: u32 = 46;
const AROUND_ROWS: u32 = 90;

const OURS: RGBColor = RGBColor(0x2b, 0x6c, 0xb0);
const PEER: RGBColor = RGBColor(0xb7, 0x4d, 0x2a);
const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);

fn draw(title: &str, rows: &[Row]) -> Result<String> {
    let mut svg = String::new();
    plot(&mut svg, title, rows).map_err(|error| anyhow!("{title:?} can not be drawn: {error}"))?;
    Ok(svg)
}

fn plot(svg: &mut String, title: &str, rows: &[Row]) -> Result<(), Box<dyn std::error::Error>> {
    let height = AROUND_ROWS + ROW_HEIGHT * u32::try_from(rows.len())?;
    let area = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let all = rows
        .iter()
        .flat_map(|row| row.peers.iter().chain([&row.worst_and_best.1]));
    // What is far off is not worth an axis on which nothing else is seen.
    let longest = all.copied().fold(1.0, f64::max).min(5.0) * 1.08;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 17).into_font().color(&INK))
        .margin(10)
        .x_label_area_size(30)
        .build_cartesian_2d(0.0..longest, 0.0..rows.len() as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_labels(11)
        .x_label_formatter(&|multiple| format!("{multiple:.1}"))
        .draw()?;
    let height = rows.len() as f64;
    chart.draw_series([PathElement::new(
        vec![(1.0, 0.0), (1.0, height)],
        INK.stroke_width(2),
    )])?;
    let small = ("sans-serif", 13).into_font().color(&INK);
    let left = small.pos(Pos::new(HPos::Left, VPos::Center));
    for (index, row) in rows.iter().enumerate() {
        let bottom = height - 1.0 - index as f64;
        let (bar, middle) = ((bottom + 0.12, bottom + 0.5), bottom + 0.31);
        let ours = row.ours.min(longest);
        chart.draw_series([Rectangle::new([(0.0, bar.0), (ours, bar.1)], OURS.filled())])?;
        let (low, high) = (row.worst_and_best.0, row.worst_and_best.1.min(longest));
        let ends = [(low, low), (high, high), (low, high)];
        let reach = [0.16, 0.16, 0.0];
        chart.draw_series(ends.into_iter().zip(reach).map(|((from, to), reach)| {
            PathElement::new(vec![(from, middle - reach), (to, middle + reach)], INK)
        }))?;
        let peers = row.peers.iter().filter(|peer| **peer <= longest);
        chart.draw_series(peers.map(|peer| Circle::new((*peer, middle), 4, PEER.filled())))?;
        let label = format!("{}: {} — {:.2} ×", row.name, row.what, row.ours);
        chart.draw_series([Text::new(
            label,
            (longest * 0.005, bottom + 0.72),
            left.clone(),
        )])?;
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record::tests::{measured, record};

    #[test]
    fn a_row_is_a_multiple_of_the_best_peer() {
        let row = row(&measured(), Figure::RecordsPerSecond).unwrap();
        assert_eq!((row.ours, row.peers), (4.0, vec![0.5, 1.0]));
        assert_eq!(row.worst_and_best, (3.2, 5.0));
    }

    #[test]
    fn a_case_without_peers_is_not_drawn() {
        let mut measured = measured();
        measured.clients.retain(|runs| runs.role != Role::Peer);
        assert!(row(&measured, Figure::RecordsPerSecond).is_none());
    }

    #[test]
    fn pictures_are_written_and_shown() {
        let dir = tempfile::tempdir().unwrap();
        let shown = write(&record(), dir.path()).unwrap();
        assert_eq!(shown.matches("![").count(), 2, "{shown}");
        let svg = std::fs::read_to_string(dir.path().join("throughput.svg")).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("4.00 ×"), "{svg}");
    }
}
