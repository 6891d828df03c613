//! Runs the command line.

fn main() -> reconverge::cli::outcome::Exit {
    reconverge::cli::main()
}
