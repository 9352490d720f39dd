// A recorded image, drawn from its bytes. Nothing is loaded from anywhere.

import { useState } from "preact/hooks";
import { t } from "../../strings.ts";
import { formatBytes } from "../../trace/format.ts";
import type { FoundImage } from "../../trace/images.ts";

export function ImageView({ image }: { image: FoundImage }) {
  const [size, setSize] = useState("");
  const [broken, setBroken] = useState(false);
  const type = image.mime.slice("image/".length).toUpperCase();
  return (
    <figure class="picture">
      {broken ? <p class="note">{t("These bytes are no {0} image.", type)}</p> : (
        <img src={image.url} alt={t("Recorded {0} image", type)} decoding="async" onError={() => setBroken(true)}
          onLoad={(event) => setSize(`${event.currentTarget.naturalWidth} × ${event.currentTarget.naturalHeight} · `)} />
      )}
      <figcaption class="muted">{type} · {size}{formatBytes(image.sizeBytes)}</figcaption>
    </figure>
  );
}
