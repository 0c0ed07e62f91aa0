//! A condition on an event: SQL predicates, combined. A predicate that is null does not hold.

use std::fmt;

/// A condition. It is true or false: an unknown predicate counts as false, also under [`Condition::Not`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Always or never.
    Constant(bool),
    /// A predicate over the columns of `events`, in SQL.
    Sql(String),
    /// The opposite.
    Not(Box<Condition>),
    /// All of them.
    All(Vec<Condition>),
    /// One of them or more.
    Any(Vec<Condition>),
}

impl Condition {
    /// All of these, in the simplest form.
    pub fn all(conditions: impl IntoIterator<Item = Condition>) -> Condition {
        let parts = conditions.into_iter().flat_map(|condition| match condition {
            Condition::All(parts) => parts,
            other => vec![other],
        });
        Condition::joined(parts, false, Condition::All)
    }

    /// One of these or more, in the simplest form.
    pub fn any(conditions: impl IntoIterator<Item = Condition>) -> Condition {
        let parts = conditions.into_iter().flat_map(|condition| match condition {
            Condition::Any(parts) => parts,
            other => vec![other],
        });
        Condition::joined(parts, true, Condition::Any)
    }

    /// `decides`: the value of one part that decides the whole; the other value adds nothing.
    fn joined(
        parts: impl Iterator<Item = Condition>,
        decides: bool,
        join: fn(Vec<Condition>) -> Condition,
    ) -> Condition {
        let mut parts: Vec<_> = parts.filter(|part| *part != Condition::Constant(!decides)).collect();
        match parts.len() {
            _ if parts.contains(&Condition::Constant(decides)) => Condition::Constant(decides),
            0 => Condition::Constant(!decides),
            1 => parts.remove(0),
            _ => join(parts),
        }
    }

    /// The opposite of this condition.
    pub fn negated(self) -> Condition {
        match self {
            Condition::Constant(holds) => Condition::Constant(!holds),
            Condition::Not(inner) => *inner,
            other => Condition::Not(Box::new(other)),
        }
    }

    /// Number of predicates, with repetitions.
    pub fn size(&self) -> usize {
        match self {
            Condition::Constant(_) => 0,
            Condition::Sql(_) => 1,
            Condition::Not(inner) => inner.size(),
            Condition::All(parts) | Condition::Any(parts) => parts.iter().map(Condition::size).sum(),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        let lines = |f: &mut fmt::Formatter<'_>, parts: &[Condition], word: &str| {
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    write!(f, "\n{:indent$}{word} ", "")?;
                }
                match part {
                    Condition::All(_) | Condition::Any(_) => {
                        f.write_str("(")?;
                        part.write(f, indent + 2)?;
                        f.write_str(")")?;
                    }
                    part => part.write(f, indent + 2)?,
                }
            }
            Ok(())
        };
        match self {
            Condition::Constant(true) => f.write_str("TRUE"),
            Condition::Constant(false) => f.write_str("FALSE"),
            Condition::Sql(sql) => f.write_str(sql),
            Condition::Not(inner) => {
                f.write_str("(")?;
                inner.write(f, indent + 2)?;
                f.write_str(") IS NOT TRUE")
            }
            Condition::All(parts) => lines(f, parts, "AND"),
            Condition::Any(parts) => lines(f, parts, "OR"),
        }
    }
}

/// As SQL, over several lines.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_written_as_sql_in_which_an_unknown_predicate_does_not_hold() {
        let sql = |text: &str| Condition::Sql(text.into());
        let condition = Condition::all([sql("a = 1"), Condition::any([sql("b = 2"), sql("c = 3")]).negated()]);
        assert_eq!(condition.to_string(), "a = 1\n  AND (b = 2\n      OR c = 3) IS NOT TRUE");
        assert_eq!(Condition::all([Condition::Constant(true), sql("a")]), sql("a"));
        assert_eq!(Condition::any([Condition::Constant(true), sql("a")]), Condition::Constant(true));
        assert_eq!(Condition::any([]), Condition::Constant(false));
        assert_eq!(sql("a").negated().negated(), sql("a"));
    }
}
