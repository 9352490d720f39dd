// Counts over time as a row of small bars.

/** `fills` draws it as wide as its place is. */
export function Sparkline({ values, label, width = 96, height = 18, fills = false }: { values: readonly number[]; label: string; width?: number; height?: number; fills?: boolean }) {
  const most = Math.max(1, ...values);
  const step = width / values.length;
  const path = values.map((value, i) => {
    if (value === 0) return "";
    const tall = Math.max(1.5, (value / most) * (height - 1));
    return `M${(i * step).toFixed(2)} ${height}h${(step - 1).toFixed(2)}v${(-tall).toFixed(2)}h${(-(step - 1)).toFixed(2)}z`;
  }).join("");
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} width={fills ? "100%" : width} height={height} preserveAspectRatio={fills ? "none" : undefined} role="img" aria-label={label}>
      <title>{label}</title>
      <path class="sparkline-ground" d={`M0 ${height - 0.5}h${width}`} />
      <path d={path} fill="currentColor" />
    </svg>
  );
}
