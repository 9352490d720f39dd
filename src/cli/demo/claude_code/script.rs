//! What happens in the coding session. All of it is made up.

use serde_json::{Value, json};

use super::Harness;
use super::calls::{Call, CallResult};
use crate::cli::demo::otlp::Millis;

pub(super) const SYSTEM: &str = "You are a careful software engineer. You work in the folder /home/dev/lantern-shop. \
Read before you write, run the tests after every change, and say plainly what you could not do.";

const TOTALS: &str = "\
from decimal import Decimal

CENT = Decimal(\"0.01\")


def line_total(price: Decimal, quantity: int) -> Decimal:
    return (price * quantity).quantize(CENT)


def cart_total(lines, coupon: Decimal = Decimal(0)) -> Decimal:
    # Each line is rounded, then the discount is rounded again.
    total = sum((line_total(price * (1 - coupon), quantity) for price, quantity in lines), Decimal(0))
    return total.quantize(CENT)
";

const FAILING_TESTS: &str = "\
collecting suite=checkout … 41 tests
......................F..................
FAILED tests/test_totals.py::test_coupon_on_three_lines
  assert cart_total([(Decimal('3.31'), 1)] * 3, coupon=Decimal('0.15')) == Decimal('8.44')
  E   AssertionError: Decimal('8.43') != Decimal('8.44')
1 failed, 40 passed
exit code 1";

/// The tool output of the demo that is larger than most viewers keep: exactly this many bytes.
pub(super) const LOG_BYTES: usize = 200_031;

pub(super) fn play(harness: &mut Harness<'_>) {
    harness.hook("SessionStart", "SessionStart:startup", 120, false);

    harness.begin_turn("Customers with a coupon are charged one cent too little on carts with three lines. Find out why, fix it, and make sure that the checkout suite is green. Reserve one LAMP-07 for the replacement order, too.");
    harness.step(
        2_900,
        "I'll start with how totals are computed.",
        vec![read("src/pricing/totals.py", TOTALS)],
    );
    for attempt in 0..6 {
        let words = [
            "Let me see the failure.",
            "",
            "I'll run the suite again.",
            "",
            "",
            "Once more, in case the result was stale.",
        ][attempt];
        harness.step(2_600 + 140 * attempt as Millis, words, vec![run_tests()]);
    }
    harness.step(
        2_400,
        "Running it again will not help. I'll have the rest of the code searched for other places that round.",
        vec![call(
            "Agent",
            json!({"description": "Find rounding code", "subagent_type": "Explore",
                "prompt": "Find every place in /home/dev/lantern-shop where money is rounded, and say which of them sees a coupon."}),
            0,
            CallResult::Output("Money is rounded in two places: src/pricing/totals.py:7 (per line, sees the coupon) and src/invoice/render.py:31 (display only). Only the first one changes what is charged.".into()),
        )],
    );
    harness.step(
        2_800,
        "The discount has to be taken from the sum, not from each line.",
        vec![edit()],
    );
    harness.step(
        1_900,
        "Before I run the tests I'll clear the old build output.",
        vec![denied()],
    );
    harness.step(
        1_700,
        "That is not allowed here, so I leave the folder as it is. Now the stock.",
        vec![
            mcp(
                "mcp__inventory__lookup_sku",
                json!({"sku": "LAMP-07"}),
                260,
                CallResult::Output(r#"{"sku":"LAMP-07","on_hand":4,"shelf":"C-12 🏮"}"#.into()),
            ),
            mcp(
                "mcp__inventory__reserve",
                json!({"sku": "LAMP-07", "quantity": 1}),
                3_020,
                CallResult::Failed {
                    error: "reservation service did not answer within 3000 ms",
                    class: "McpToolCallError",
                    output: "reservation service did not answer within 3000 ms".into(),
                },
            ),
        ],
    );
    harness.step(
        1_600,
        "The reservation failed. The gateway's log may say why.",
        vec![bash(
            "cat logs/gateway.log",
            "Read the gateway log",
            480,
            CallResult::Output(gateway_log()),
        )],
    );
    harness.step(
        3_400,
        "The coupon bug is fixed in `src/pricing/totals.py`: the discount is now taken from the sum of the lines, so nothing is rounded twice.\n\nTwo things I could not do:\n- **LAMP-07 is not reserved**: the reservation service timed out; the gateway log shows its queue was full.\n- `build/` is still there: a hook denies `rm -rf`.",
        vec![],
    );
    harness.end_turn();

    harness.now += 4_000;
    harness.begin_turn(
        "Good. Add a regression test for three lines with a coupon, and run only that one.",
    );
    harness.step(2_300, "", vec![call(
        "Write",
        json!({"file_path": "/home/dev/lantern-shop/tests/test_coupon_rounding.py", "content": REGRESSION_TEST}),
        35,
        CallResult::Output(REGRESSION_TEST.into()),
    )]);
    harness.step(
        1_400,
        "",
        vec![bash(
            "python -m pytest -q tests/test_coupon_rounding.py",
            "Run the new test",
            900,
            CallResult::Output("1 passed in 0.04s\n".into()),
        )],
    );
    harness.step(1_500, "The new test passes: `tests/test_coupon_rounding.py` fails without the fix and passes with it. ✅", vec![]);
    harness.end_turn();
}

/// The subagent's work; gives the number of tool calls.
pub(super) fn explore(harness: &mut Harness<'_>, report: &str) -> usize {
    harness.step(900, "Searching for quantize and round.", vec![call(
        "Grep",
        json!({"pattern": "quantize|round\\(", "path": "/home/dev/lantern-shop/src"}),
        140,
        CallResult::Output("src/pricing/totals.py:7:    return (price * quantity).quantize(CENT)\nsrc/pricing/totals.py:13:    return total.quantize(CENT)\nsrc/invoice/render.py:31:    return f\"{round(amount, 2):.2f}\"\n".into()),
    )]);
    harness.step(800, "", vec![read("src/invoice/render.py", "def amount(amount):\n    # Display only: the charge is made before this.\n    return f\"{round(amount, 2):.2f}\"\n")]);
    harness.step(1_100, report, vec![]);
    2
}

const REGRESSION_TEST: &str = "\
from decimal import Decimal

from pricing.totals import cart_total


def test_three_lines_with_a_coupon():
    lines = [(Decimal(\"3.31\"), 1)] * 3
    assert cart_total(lines, coupon=Decimal(\"0.15\")) == Decimal(\"8.44\")
";

fn call(tool: &'static str, input: Value, duration: Millis, result: CallResult) -> Call {
    Call {
        tool,
        input,
        decided_by: "user_permanent",
        duration,
        result,
    }
}

fn read(path: &str, content: &str) -> Call {
    call(
        "Read",
        json!({"file_path": format!("/home/dev/lantern-shop/{path}")}),
        30,
        CallResult::Output(content.into()),
    )
}

fn bash(command: &str, description: &str, duration: Millis, result: CallResult) -> Call {
    call(
        "Bash",
        json!({"command": command, "description": description}),
        duration,
        result,
    )
}

fn mcp(tool: &'static str, input: Value, duration: Millis, result: CallResult) -> Call {
    call(tool, input, duration, result)
}

fn run_tests() -> Call {
    let failed = CallResult::Failed {
        error: "Shell command failed",
        class: "ShellError",
        output: FAILING_TESTS.into(),
    };
    bash(
        "./run_tests.sh --suite checkout",
        "Run the checkout tests",
        1_300,
        failed,
    )
}

fn edit() -> Call {
    let diff = "[{\"oldStart\":10,\"oldLines\":4,\"newStart\":10,\"newLines\":3,\"lines\":[\" def cart_total(lines, coupon: Decimal = Decimal(0)) -> Decimal:\",\"-    # Each line is rounded, then the discount is rounded again.\",\"-    total = sum((line_total(price * (1 - coupon), quantity) for price, quantity in lines), Decimal(0))\",\"-    return total.quantize(CENT)\",\"+    total = sum((line_total(price, quantity) for price, quantity in lines), Decimal(0))\",\"+    return (total * (1 - coupon)).quantize(CENT)\"]}]";
    call(
        "Edit",
        json!({"file_path": "/home/dev/lantern-shop/src/pricing/totals.py",
            "old_string": "    total = sum((line_total(price * (1 - coupon), quantity) for price, quantity in lines), Decimal(0))\n    return total.quantize(CENT)",
            "new_string": "    total = sum((line_total(price, quantity) for price, quantity in lines), Decimal(0))\n    return (total * (1 - coupon)).quantize(CENT)"}),
        45,
        CallResult::Output(diff.into()),
    )
}

fn denied() -> Call {
    let words = "PreToolUse:Bash hook refused: `rm -rf` is not allowed in this repository; ask a person to do it.";
    Call {
        decided_by: "hook",
        ..bash(
            "rm -rf build",
            "Remove the build output",
            0,
            CallResult::Denied(words.into()),
        )
    }
}

/// A log with a line for every request, of exactly [`LOG_BYTES`] bytes.
fn gateway_log() -> String {
    let mut log = String::with_capacity(LOG_BYTES + 128);
    let mut line: u64 = 0;
    while log.len() < LOG_BYTES {
        let (second, queued) = (line / 7, (line * line + 3) % 64);
        log.push_str(&format!(
            "09:{:02}:{:02}.{:03} gateway request={line:05} route=/reserve queue={queued}/64 {}\n",
            second / 60 % 60,
            second % 60,
            line * 137 % 1_000,
            if queued > 60 {
                "refused: queue full"
            } else {
                "forwarded"
            }
        ));
        line += 1;
    }
    log.truncate(LOG_BYTES - 1);
    log.push('\n');
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_large_output_has_its_size() {
        assert_eq!(gateway_log().len(), LOG_BYTES);
    }
}
