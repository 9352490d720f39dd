// The shape of a run: where in its length models and tools were at work, and where something failed.

import type { SessionShape } from "../../api/overview.ts";
import { t } from "../../strings.ts";

const WIDTH = 4;
const HEIGHT = 22;

function bars(values: readonly number[], bottom: (i: number) => number): string {
  let path = "";
  values.forEach((value, i) => {
    if (value === 0) return;
    const height = Math.max(1.5, (Math.min(100, value) / 100) * (HEIGHT - 4));
    path += `M${i * WIDTH} ${bottom(i)}h${WIDTH - 1}v${-height}h${-(WIDTH - 1)}z`;
  });
  return path;
}

export function Shape({ shape }: { shape: SessionShape | null | undefined }) {
  if (shape == null) return <span class="shape-none" />;
  const parts = shape.model.length;
  const full = shape.model.map((model, i) => {
    const tool = shape.tool[i]!;
    const scale = Math.max(1, (model + tool) / 100);
    return [model / scale, tool / scale] as const;
  });
  const modelHeight = full.map(([model]) => (model === 0 ? 0 : Math.max(1.5, (model / 100) * (HEIGHT - 4))));
  const share = (list: readonly number[]) => Math.round(list.reduce((sum, value) => sum + Math.min(100, value), 0) / parts);
  const label = t("models at work {0}% of the time, tools {1}%{2}", share(shape.model), share(shape.tool), shape.failed.length > 0 ? t(", with failures") : "");
  return (
    <svg class="shape" viewBox={`0 0 ${parts * WIDTH - 1} ${HEIGHT}`} width={parts * WIDTH - 1} height={HEIGHT} preserveAspectRatio="none" role="img" aria-label={label}>
      <title>{label}</title>
      <path class="shape-model" d={bars(full.map(([model]) => model), () => HEIGHT - 3)} />
      <path class="shape-tool" d={bars(full.map(([, tool]) => tool), (i) => HEIGHT - 3 - modelHeight[i]!)} />
      <path class="shape-failed" d={shape.failed.map((i) => `M${i * WIDTH} ${HEIGHT - 2}h${WIDTH - 1}v2h${-(WIDTH - 1)}z`).join("")} />
    </svg>
  );
}
