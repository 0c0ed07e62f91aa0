//! `rarity(users_before, identities_before)`: how rare an item is among identities.

use arrow::datatypes::DataType;

use super::function::{Argument, Function, of_numbers};

/// `ln((n + 1) / (k + 1))` in nats, for `k` of `n` identities that had the item before; `k` is at most `n`.
pub fn rarity(users_before: f64, identities_before: f64) -> Option<f64> {
    let sound = users_before >= 0.0 && identities_before >= 0.0 && identities_before.is_finite();
    sound.then(|| ((identities_before + 1.0) / (users_before.min(identities_before) + 1.0)).ln())
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "rarity",
        "How rare an item is among identities, in nats: ln((identities_before + 1) / (users_before + 1)); 0 if all identities have it. Rarities of independent items may be added.",
        &[Argument::Float("users_before"), Argument::Float("identities_before")],
        DataType::Float64,
        &[
            ("round(rarity(0, 99), 3)", "4.605"),
            ("rarity(5, 5)", "0.0"),
            ("rarity(7, 5)", "0.0"),
            ("rarity(-1, 5)", "NULL"),
            ("rarity(NULL, 5)", "NULL"),
        ],
        |args, rows| of_numbers(args, rows, |[users, identities]| rarity(users, identities)),
    )
}
