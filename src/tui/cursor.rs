//! A selected row, and the rows around it that are on screen.

/// Place of the selection in a list, and the first row that is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) at: usize,
    pub(super) top: usize,
    /// Rows that fitted on the screen when it was last drawn.
    height: usize,
}

impl Cursor {
    /// Moves the selection, within a list of `count` rows.
    pub(super) fn move_by(&mut self, rows: isize, count: usize) {
        self.go_to(self.at.saturating_add_signed(rows), count);
    }

    /// Moves the selection by screens, down for 1, up for -1.
    pub(super) fn page(&mut self, pages: isize, count: usize) {
        let page = self.height.saturating_sub(1).max(1) as isize;
        self.move_by(pages * page, count);
    }

    pub(super) fn go_to(&mut self, row: usize, count: usize) {
        self.at = row.min(count.saturating_sub(1));
    }

    /// The rows of a list of `count` that a screen of `height` rows shows, with the selection among them.
    pub(super) fn visible(&mut self, count: usize, height: usize) -> std::ops::Range<usize> {
        self.height = height;
        self.at = self.at.min(count.saturating_sub(1));
        let lowest_top = (self.at + 1).saturating_sub(height);
        self.top = self.top.clamp(lowest_top, self.at.max(lowest_top));
        // No empty rows at the end while there are rows above.
        self.top = self.top.min(count.saturating_sub(height));
        self.top..(self.top + height).min(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_stays_on_screen() {
        let mut cursor = Cursor::default();
        assert_eq!(cursor.visible(100, 10), 0..10);
        cursor.move_by(12, 100);
        assert_eq!(cursor.visible(100, 10), 3..13);
        cursor.move_by(-1000, 100);
        assert_eq!(cursor.visible(100, 10), 0..10);
        cursor.page(1, 100);
        assert_eq!((cursor.at, cursor.visible(100, 10)), (9, 0..10));
        cursor.go_to(99, 100);
        assert_eq!(cursor.visible(100, 10), 90..100);
        assert_eq!(cursor.visible(3, 10), 0..3);
        assert_eq!((cursor.at, cursor.visible(0, 10)), (2, 0..0));
    }
}
