//! Pictures of medians: bars for cases, lines along an axis, as SVG.
//!
//! The scale is logarithmic, because a factor is what one wants to see. Colours tell clients apart
//! for those, too, who do not see red and green.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::record::Role;

/// Bars side by side, group by group.
pub(super) struct Bars {
    pub(super) title: String,
    pub(super) groups: Vec<Group>,
}

/// What stands together: a case, a percentile.
pub(super) struct Group {
    pub(super) name: String,
    /// Client and value.
    pub(super) values: Vec<(String, f64)>,
}

/// Lines along an axis.
pub(super) struct Lines {
    pub(super) title: String,
    /// What the axis is, with its unit.
    pub(super) axis: String,
    pub(super) scales: Scales,
    /// Client and points.
    pub(super) lines: Vec<(String, Vec<(f64, f64)>)>,
}

/// How distances are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scales {
    Logarithmic,
    /// From zero.
    Linear,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws each of `all` in a panel of its own, one below the other.
pub(super) fn bars(path: &Path, all: &[Bars], clients: &[(&str, Role)]) -> Result<()> {
    panels(path, all, clients, bar_panel)
}

/// Draws each of `all` in a panel of its own, one below the other.
pub(super) fn lines(path: &Path, all: &[Lines], clients: &[(&str, Role)]) -> Result<()> {
    panels(path, all, clients, line_panel)
}

fn panels<T>(
    path: &Path,
    all: &[T],
    clients: &[(&str, Role)],
    draw: impl Fn(&Area<'_>, &T, &Colours) -> Result<()>,
) -> Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    let height = LEGEND + PANEL * u32::try_from(all.len())?;
    let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE).map_err(drawing)?;
    let (legend, rest) = root.split_vertically(LEGEND);
    let colours = Colours::of(clients);
    colours.legend(&legend)?;
    for (area, one) in rest.split_evenly((all.len(), 1)).iter().zip(all) {
        draw(area, one, &colours)?;
    }
    root.present().map_err(drawing)
}

fn bar_panel(area: &Area<'_>, bars: &Bars, colours: &Colours) -> Result<()> {
    let values = bars.groups.iter().flat_map(|group| &group.values);
    let Some(heights) = decades(values.map(|(_, value)| *value)) else {
        return Ok(());
    };
    let bottom = heights.start;
    let mut chart = ChartBuilder::on(area)
        .caption(&bars.title, (FONT, 16))
        .margin(8)
        .x_label_area_size(24)
        .y_label_area_size(72)
        .build_cartesian_2d(0.0..bars.groups.len() as f64, heights.log_scale())
        .map_err(drawing)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .light_line_style(TRANSPARENT)
        .y_label_formatter(&|value| short(*value))
        .draw()
        .map_err(drawing)?;
    for (index, group) in bars.groups.iter().enumerate() {
        let width = 0.8 / colours.0.len() as f64;
        for (client, value) in &group.values {
            let left = index as f64 + 0.1 + colours.place(client) as f64 * width;
            let corners = [(left, bottom), (left + width * 0.9, *value)];
            let bar = Rectangle::new(corners, colours.of_client(client).filled());
            chart.draw_series([bar]).map_err(drawing)?;
        }
        let middle = chart.backend_coord(&(index as f64 + 0.5, bottom));
        let (left, top) = area.get_base_pixel();
        let at = (middle.0 - left, middle.1 - top + 6);
        let style = (FONT, 13).into_font().color(&BLACK);
        let style = style.pos(plotters::style::text_anchor::Pos::new(
            plotters::style::text_anchor::HPos::Center,
            plotters::style::text_anchor::VPos::Top,
        ));
        area.draw(&Text::new(group.name.as_str(), at, style))
            .map_err(drawing)?;
    }
    Ok(())
}

fn line_panel(area: &Area<'_>, lines: &Lines, colours: &Colours) -> Result<()> {
    let points = || lines.lines.iter().flat_map(|(_, points)| points);
    let (across, up) = (points().map(|(x, _)| *x), points().map(|(_, y)| *y));
    let mut builder = ChartBuilder::on(area);
    builder.caption(&lines.title, (FONT, 16)).margin(8);
    builder.x_label_area_size(40).y_label_area_size(72);
    // Both kinds of axes are types of their own, so what follows is written for any.
    macro_rules! draw {
        ($across:expr, $up:expr) => {{
            let mut chart = builder.build_cartesian_2d($across, $up).map_err(drawing)?;
            chart
                .configure_mesh()
                .x_desc(lines.axis.as_str())
                .light_line_style(TRANSPARENT)
                .x_label_formatter(&|value| short(*value))
                .y_label_formatter(&|value| short(*value))
                .draw()
                .map_err(drawing)?;
            for (client, points) in &lines.lines {
                let style = colours.of_client(client).stroke_width(2);
                let line = LineSeries::new(points.iter().copied(), style).point_size(3);
                chart.draw_series(line).map_err(drawing)?;
            }
        }};
    }
    match lines.scales {
        Scales::Logarithmic => {
            if let (Some(across), Some(up)) = (decades(across), decades(up)) {
                draw!(across.log_scale(), up.log_scale());
            }
        }
        Scales::Linear => {
            let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max) * 1.1;
            let (mut across, mut up) = (across, up);
            let (right, top) = (most(&mut across), most(&mut up));
            if right > 0.0 && top > 0.0 {
                draw!(0.0..right, 0.0..top);
            }
        }
    }
    Ok(())
}

/// Which client is drawn how.
struct Colours(Vec<(String, RGBColor)>);

impl Colours {
    fn of(clients: &[(&str, Role)]) -> Self {
        let mut others = PALETTE.iter().cycle();
        let colour = |(name, role): &(&str, Role)| {
            let colour = match role {
                Role::Ours => OUR_COLOUR,
                Role::Floor => FLOOR_COLOUR,
                Role::Peer | Role::Further => *others.next().expect("a cycle has no end"),
            };
            ((*name).to_owned(), colour)
        };
        Self(clients.iter().map(colour).collect())
    }

    fn place(&self, client: &str) -> usize {
        self.0
            .iter()
            .position(|(name, _)| name == client)
            .unwrap_or(0)
    }

    fn of_client(&self, client: &str) -> RGBColor {
        self.0
            .get(self.place(client))
            .map_or(BLACK, |(_, colour)| *colour)
    }

    fn legend(&self, area: &Area<'_>) -> Result<()> {
        for (index, (name, colour)) in self.0.iter().enumerate() {
            let left = 80 + 110 * i32::try_from(index)?;
            let square = Rectangle::new([(left, 10), (left + 12, 22)], colour.filled());
            area.draw(&square).map_err(drawing)?;
            let text = Text::new(name.as_str(), (left + 18, 10), (FONT, 13));
            area.draw(&text).map_err(drawing)?;
        }
        Ok(())
    }
}

/// The powers of ten around all values; none if there is nothing to draw.
fn decades(values: impl Iterator<Item = f64>) -> Option<Range<f64>> {
    let exponents = values.filter(|value| *value > 0.0).map(f64::log10);
    let exponents: BTreeSet<i32> = exponents
        .flat_map(|exponent| [exponent.floor() as i32, exponent.ceil() as i32])
        .collect();
    let (low, high) = (*exponents.first()?, *exponents.last()?);
    Some(10_f64.powi(low)..10_f64.powi(high.max(low + 1)))
}

/// `1.5M`, `20k`, `0.1`.
fn short(value: f64) -> String {
    for (unit, letter) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] {
        if value.abs() >= unit {
            return format!("{}{letter}", value / unit);
        }
    }
    format!("{}", (value * 1e6).round() / 1e6)
}

fn drawing(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("a picture can not be drawn: {error}")
}

const FONT: &str = "sans-serif";
const WIDTH: u32 = 900;
const PANEL: u32 = 300;
const LEGEND: u32 = 32;
const OUR_COLOUR: RGBColor = RGBColor(213, 94, 0);
const FLOOR_COLOUR: RGBColor = RGBColor(150, 150, 150);
/// Okabe and Ito's, without those that are taken.
const PALETTE: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(230, 159, 0),
    RGBColor(204, 121, 167),
    RGBColor(0, 0, 0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_reaches_from_power_to_power() {
        assert_eq!(decades([3.0, 250.0].into_iter()), Some(1.0..1000.0));
        assert_eq!(decades([10.0].into_iter()), Some(10.0..100.0));
        assert_eq!(decades([0.0].into_iter()), None);
    }

    #[test]
    fn large_numbers_are_short() {
        let expected = [(1e9, "1G"), (1.5e6, "1.5M"), (2e4, "20k"), (0.1, "0.1")];
        for (value, text) in expected {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn lines_are_drawn_on_both_scales() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines.svg");
        let panel = |scales| Lines {
            title: "a title".to_owned(),
            axis: "an axis".to_owned(),
            scales,
            lines: vec![("ours".to_owned(), vec![(1.0, 10.0), (10.0, 20.0)])],
        };
        let all = [panel(Scales::Logarithmic), panel(Scales::Linear)];
        lines(&path, &all, &[("ours", Role::Ours)]).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        assert_eq!(svg.matches("an axis").count(), 2);
    }
}
