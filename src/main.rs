<<<<<<< HEAD
//! Runs the command line.

fn main() -> reconverge::cli::outcome::Exit {
    reconverge::cli::main()
}
=======
//! placeholder
fn main() {}
>>>>>>> sim
