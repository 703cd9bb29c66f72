//! Results as Markdown.

/// Columns of throughput, one row per backend; in brackets the share of the
/// fastest in the column.
pub fn print(rows: &[String], columns: &[(String, Vec<f64>)]) {
    let titles: Vec<&str> = columns.iter().map(|(title, _)| title.as_str()).collect();
    println!("| GB/s (1 = fastest) | {} |", titles.join(" | "));
    println!("|---|{}", "---:|".repeat(columns.len()));
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = columns
            .iter()
            .map(|(_, values)| {
                let fastest = values.iter().copied().fold(0.0, f64::max);
                format!("{:.2} ({:.2})", values[index], values[index] / fastest)
            })
            .collect();
        println!("| {row} | {} |", cells.join(" | "));
    }
    println!();
}
