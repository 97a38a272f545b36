//! Prints the JSON Schema of `graph.json`.

fn main() {
    print!("{}", pulvinar_models::native::schema::graph_schema_text());
}
