//! Finds the code that each mutant changes.

use crate::edits::Edit;
use crate::{Mutant, Position};
use proc_macro2::{LineColumn, Span};
use std::collections::BTreeMap;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// The edits of a file, and the ids of the mutants that have no place in it.
pub fn edits(source: &str, mutants: &[&Mutant]) -> syn::Result<(Vec<Edit>, Vec<u32>)> {
    let mut by_place = BTreeMap::<_, Vec<&Mutant>>::new();
    for mutant in mutants {
        by_place
            .entry((mutant.genre.as_str(), mutant.span.start))
            .or_default()
            .push(mutant);
    }
    let mut finder = Finder {
        source,
        mutants: by_place,
        edits: Vec::new(),
    };
    finder.visit_file(&syn::parse_file(source)?);
    let missed = finder
        .mutants
        .into_values()
        .flatten()
        .map(|mutant| mutant.id);
    Ok((finder.edits, missed.collect()))
}

struct Finder<'a> {
    source: &'a str,
    /// Those that have not been found yet.
    mutants: BTreeMap<(&'a str, Position), Vec<&'a Mutant>>,
    edits: Vec<Edit>,
}

impl<'a> Finder<'a> {
    fn take(&mut self, genre: &'a str, span: Span) -> Vec<&'a Mutant> {
        self.mutants
            .remove(&(genre, position(span.start())))
            .unwrap_or_default()
    }

    /// Chooses between a piece of code and its variants.
    fn choose(&mut self, range: Range<usize>, variants: &[(u32, String)]) {
        if variants.is_empty() {
            return;
        }
        let ids: Vec<_> = variants.iter().map(|(id, _)| id).collect();
        let mut before = format!("(match crate::mutant_switch::at(&{ids:?}) {{");
        for (id, text) in variants {
            before += &format!("\n/*m{id}*/ {id} => {text},");
        }
        before += "\n/*m0*/ _ => ";
        self.edits
            .push(Edit::before(range.start, range.len(), before));
        self.edits
            .push(Edit::after(range.end, range.len(), "\n})".into()));
    }

    /// Replaces one part of a piece of code in each variant.
    fn replace_part(&mut self, genre: &'a str, whole: Range<usize>, part: Span) {
        let variants: Vec<_> = self
            .take(genre, part)
            .into_iter()
            .map(|mutant| {
                let part = part.byte_range();
                let (head, tail) = (
                    &self.source[whole.start..part.start],
                    &self.source[part.end..whole.end],
                );
                (mutant.id, format!("{head}{}{tail}", mutant.replacement))
            })
            .collect();
        self.choose(whole, &variants);
    }

    /// Returns early with another value.
    fn body(&mut self, signature: &syn::Signature, block: &syn::Block) {
        // With `impl` for its type, a function returns values of one type alone.
        let opaque = matches!(&signature.output, syn::ReturnType::Type(_, kind) if matches!(**kind, syn::Type::ImplTrait(_)));
        let (Some(first), false) = (block.stmts.first(), opaque) else {
            return;
        };
        for mutant in self.take("FnValue", first.span()) {
            let (id, value) = (mutant.id, &mutant.replacement);
            let text = format!(
                "\n/*m{id}*/ if crate::mutant_switch::at(&[{id}]) == {id} {{ return {value}; }}\n/*m0*/"
            );
            self.edits.push(Edit::after(
                block.brace_token.span.open().byte_range().end,
                0,
                text,
            ));
        }
    }
}

impl<'a, 'ast> Visit<'ast> for Finder<'a> {
    // Their values are needed when the program is compiled.
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_trait_item_const(&mut self, _: &'ast syn::TraitItemConst) {}
    fn visit_type_array(&mut self, _: &'ast syn::TypeArray) {}

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if item.sig.constness.is_none() {
            self.body(&item.sig, &item.block);
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if item.sig.constness.is_none() {
            self.body(&item.sig, &item.block);
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.body(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_expr_binary(&mut self, expr: &'ast syn::ExprBinary) {
        if !(has_let(&expr.left) || has_let(&expr.right)) {
            self.replace_part("BinaryOperator", expr.span().byte_range(), expr.op.span());
        }
        visit::visit_expr_binary(self, expr);
    }

    fn visit_expr_unary(&mut self, expr: &'ast syn::ExprUnary) {
        self.replace_part("UnaryOperator", expr.span().byte_range(), expr.op.span());
        visit::visit_expr_unary(self, expr);
    }

    fn visit_expr_struct(&mut self, expr: &'ast syn::ExprStruct) {
        for pair in expr.fields.pairs() {
            let field = pair.value().span();
            let end = pair
                .punct()
                .map_or(field.byte_range().end, |comma| comma.span.byte_range().end);
            let whole = expr.span().byte_range();
            let variants: Vec<_> = self
                .take("StructField", field)
                .into_iter()
                .map(|mutant| {
                    let (head, tail) = (
                        &self.source[whole.start..field.byte_range().start],
                        &self.source[end..whole.end],
                    );
                    (mutant.id, format!("{head}{tail}"))
                })
                .collect();
            self.choose(whole, &variants);
        }
        visit::visit_expr_struct(self, expr);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        for mutant in self.take("MatchArm", arm.span()) {
            let id = mutant.id;
            let test = format!("crate::mutant_switch::at(&[{id}]) != {id}");
            self.edits.push(match &arm.guard {
                Some((_, guard)) => Edit::before(
                    guard.span().byte_range().start,
                    usize::MAX,
                    format!("{test} && "),
                ),
                None => Edit::after(
                    arm.pat.span().byte_range().end,
                    0,
                    format!("\n/*m{id}*/ if {test}\n/*m0*/"),
                ),
            });
        }
        if let Some((_, guard)) = &arm.guard {
            let variants: Vec<_> = self
                .take("MatchArmGuard", guard.span())
                .into_iter()
                .map(|mutant| (mutant.id, mutant.replacement.clone()))
                .collect();
            self.choose(guard.span().byte_range(), &variants);
        }
        visit::visit_arm(self, arm);
    }
}

/// True for a condition with `let`, which cannot be moved into a branch.
fn has_let(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

fn position(LineColumn { line, column }: LineColumn) -> Position {
    Position {
        line,
        column: column + 1,
    }
}
