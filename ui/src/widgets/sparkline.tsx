// Counts over time as a row of small bars.

export function Sparkline({ values, label, width = 96, height = 18 }: { values: readonly number[]; label: string; width?: number; height?: number }) {
  const most = Math.max(1, ...values);
  const step = width / values.length;
  const path = values.map((value, i) => {
    if (value === 0) return "";
    const tall = Math.max(1.5, (value / most) * (height - 1));
    return `M${(i * step).toFixed(2)} ${height}h${(step - 1).toFixed(2)}v${(-tall).toFixed(2)}h${(-(step - 1)).toFixed(2)}z`;
  }).join("");
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label}>
      <title>{label}</title>
      <path class="sparkline-ground" d={`M0 ${height - 0.5}h${width}`} />
      <path d={path} fill="currentColor" />
    </svg>
  );
}
