"""Models and tokenizers are loaded here, from the folder of a checkpoint of any kind.

Nothing is fetched, and no code that lies in the folder is run: `trust_remote_code` is off, weights are read from
safetensors alone, since reading pickled ones may run what they hold, and transformers renders chat templates in jinja's
sandbox.
"""

from pathlib import Path
from typing import Any, Literal

from rustml.errors import InputError
from rustml.models import manifest
from rustml.models.digest import digest


def load_model(
    folder: Path,
    *,
    dtype: str,
    attention: str,
    device: str | None = None,
    base: Path | None = None,
    merge: bool = True,
    quantization: Any = None,
) -> Any:
    """The causal language model in `folder`, a transformers PreTrainedModel, in the dtype `dtype` (`bfloat16`, ...).

    `auto` takes the dtype in which the weights are stored.

    `attention` is a name of transformers (`eager`, `sdpa`, `flash_attention_2`); `device` None takes the GPU where
    there is one. An adapter is loaded on its base, which lies in `base` or in the folder that its manifest names, and
    merged into it; without `merge` a trainable PeftModel is returned. `quantization` is a quantisation configuration
    of transformers to apply while loading, and is refused for an adapter to merge. Raises InputError where there is no
    checkpoint of a known kind, or the base of an adapter is missing or another one.
    """
    described = manifest.read(folder)
    if described.base is None:
        return _load(folder, dtype, attention, device, quantization)
    if merge and quantization is not None:
        raise InputError(
            f"{folder} is an adapter, which is merged before it is quantised: load it, save it, and quantise that"
        )
    base_folder = adapter_base(folder, described.base, base)
    model = load_model(base_folder, dtype=dtype, attention=attention, device=device, quantization=quantization)
    return _adapted(model, folder, merge=merge)


def load_adapted(folder: Path, *, dtype: str, attention: str, device: str | None = None) -> Any:
    """The adapter in `folder` on its base, a PeftModel that does not train. Raises InputError as `load_model` does."""
    described = manifest.read(folder)
    if described.base is None:
        raise InputError(f"{folder} holds a checkpoint of kind {described.kind}, not an adapter")
    base = adapter_base(folder, described.base)
    return _on_base(load_model(base, dtype=dtype, attention=attention, device=device), folder, trainable=False)


def root_of(folder: Path) -> Path:
    """The folder of the checkpoint below an adapter, and below the adapters that it was trained on; else `folder`.

    Raises InputError as `load_model` does.
    """
    base = manifest.read(folder).base
    return folder if base is None else root_of(adapter_base(folder, base))


def load_tokenizer(folder: Path, *, padding_side: Literal["left", "right"] = "right") -> Any:
    """The tokenizer beside the weights in `folder`. Raises InputError where there is none."""
    from transformers import AutoTokenizer  # noqa: PLC0415  seconds to load

    try:
        return AutoTokenizer.from_pretrained(
            str(folder), padding_side=padding_side, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} holds no tokenizer that can be loaded: {str(error)[:300]}") from error


def load_config(folder: Path) -> Any:
    """The configuration in `folder`, of transformers. Raises InputError where it needs code of its own."""
    from transformers import AutoConfig  # noqa: PLC0415  seconds to load

    try:
        return AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} holds no configuration that can be loaded: {str(error)[:300]}") from error


def adapter_base(folder: Path, recorded: manifest.Base, given: Path | None = None) -> Path:
    """The folder of the base of the adapter in `folder`, its digest checked. Raises InputError as `load_model` does."""
    base = given or Path(recorded.name)
    if not base.is_dir():
        raise InputError(f"{folder} is an adapter on {recorded.name}, which is not a folder here: fetch it first")
    if recorded.digest and digest(base) != recorded.digest:
        raise InputError(
            f"{folder} is an adapter on {recorded.name} (digest {recorded.digest[:12]}), but the checkpoint in {base} "
            "has another digest: give the base that the adapter was trained on"
        )
    return base


def _load(folder: Path, dtype: str, attention: str, device: str | None, quantization: Any) -> Any:
    import torch  # noqa: PLC0415  seconds to load
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    _require_safetensors(folder)
    target = device or ("cuda" if torch.cuda.is_available() else "cpu")
    options: dict[str, Any] = {"quantization_config": quantization} if quantization is not None else {}
    if quantization is not None and target != "cpu":
        options["device_map"] = {"": target}  # weights are quantised where they will stay
    model = AutoModelForCausalLM.from_pretrained(
        str(folder),
        config=load_config(folder),
        dtype=dtype if dtype == "auto" else getattr(torch, dtype),
        attn_implementation=attention,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        **options,
    )
    if quantization is None and target == "cpu":
        _expand_float8(model)
    return model if "device_map" in options or target == "cpu" else model.to(target)


def _require_safetensors(folder: Path) -> None:
    if not any(folder.glob("*.safetensors")):
        raise InputError(
            f"{folder} holds no weights in safetensors; others are not read, since pickled weights may run code: "
            "convert them on a machine where that does no harm"
        )


def _expand_float8(model: Any) -> None:
    """Expand weight-only float8 weights once: on a CPU each call of a layer expands them anew, to the same numbers."""
    import torch  # noqa: PLC0415

    if getattr(model.config, "quantization_config", None) is None:
        return
    from torchao.quantization import Float8Tensor  # noqa: PLC0415  seconds to load

    for layer in model.modules():
        weight = getattr(layer, "weight", None)
        if isinstance(weight, Float8Tensor) and weight.act_quant_kwargs is None:
            layer.weight = torch.nn.Parameter(weight.dequantize(), requires_grad=False)


def _adapted(model: Any, folder: Path, *, merge: bool) -> Any:
    adapted = _on_base(model, folder, trainable=not merge)
    return adapted.merge_and_unload() if merge else adapted


def _on_base(model: Any, folder: Path, *, trainable: bool) -> Any:
    from peft import PeftModel  # noqa: PLC0415  seconds to load

    _require_safetensors(folder)
    return PeftModel.from_pretrained(model, str(folder), is_trainable=trainable)
