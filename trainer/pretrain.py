"""A small causal language model from nothing: tokenizer, packed texts, next-token loss."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from torch import Tensor
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PreTrainedConfig, PreTrainedTokenizerFast

from trainer.card import report
from trainer.config import PretrainConfig
from trainer.errors import TrainerError
from trainer.folder import RunFolder
from trainer.groups import Sampler
from trainer.loop import Loop, make_learner, prepare
from trainer.models import add_residual_dropout
from trainer.records import TextRecord, read_lines

PAD, START, END = "<|pad|>", "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

# Read as often as the texts, so that what the template says in every turn is one token each.
ROLE_WORDS = "user\nassistant\nsystem\n"


def main(config: PretrainConfig, folder: RunFolder) -> None:
    device = prepare(config)
    texts = [record.text for record in read_lines(TextRecord, Path(config.texts))]
    if not texts:
        raise TrainerError(f"{config.texts} holds no text.")
    tokenizer = train_tokenizer(texts, config.vocabulary)
    tokenizer.save_pretrained(folder.model)
    model = AutoModelForCausalLM.from_config(small_model(config, tokenizer), dtype=torch.float32).to(device)
    add_residual_dropout(model, config.residual_dropout)
    blocks = packed(tokenizer, texts, config.block)

    sampler = Sampler([config.block] * len(blocks), config.batch, config.seed)
    steps = config.epochs * sampler.per_epoch
    learner = make_learner(model, config, steps)
    loop = Loop(folder, config, steps, {"model": model, "learner": learner})
    model.train()
    loss = 0.0
    for step in loop:
        chosen = blocks[sampler.at(step)].to(device)
        loss = 0.0
        for part in chosen.split(config.micro_batch or len(chosen)):
            part_loss = next_token_loss(model, part) * (len(part) / len(chosen))
            part_loss.backward()
            loss += float(part_loss.detach())
        norm = learner.update(step)
        loop.log(step, loss=loss, norm=norm, rate=learner.schedule.rate(step), tokens=chosen.numel())
    model.save_pretrained(folder.model)
    report(folder, config, {"loss": round(loss, 4)})


def next_token_loss(model: Any, blocks: Tensor) -> Tensor:
    """Mean over the tokens of full rows [B, T]."""
    logits = model(input_ids=blocks, use_cache=False).logits[:, :-1]
    return F.cross_entropy(logits.flatten(0, 1), blocks[:, 1:].flatten())


def packed(tokenizer: Any, texts: Sequence[str], block: int) -> Tensor:
    """[B, block] ids: every text ends in the end token, and the stream is cut; the last row repeats the beginning."""
    stream: list[int] = []
    for ids in tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True)["input_ids"]:
        stream += [*ids, tokenizer.eos_token_id]
    rows = -(-len(stream) // block)
    while len(stream) < rows * block:
        stream += stream[: rows * block - len(stream)]
    return torch.tensor(stream).view(rows, block)


def train_tokenizer(texts: Sequence[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE with a chat template whose turns end in a token of their own, which is also EOS."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[PAD, START, END],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(chain(texts, [ROLE_WORDS] * len(texts)), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[START],
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def small_model(config: PretrainConfig, tokenizer: Any) -> PreTrainedConfig:
    ids = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    if config.architecture == "gpt2":
        return GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=config.context,
            n_embd=config.hidden,
            n_layer=config.layers,
            n_head=config.heads,
            n_inner=config.feed_forward,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            initializer_range=small_init(config.hidden),
            **ids,
        )
    return LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=config.context,
        hidden_size=config.hidden,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        intermediate_size=config.feed_forward,
        initializer_range=small_init(config.hidden),
        tie_word_embeddings=True,
        **ids,
    )


def small_init(hidden: int) -> float:
    """Standard deviation of the first weights (Nguyen and Salazar 2019); the usual 0.02 starves small widths."""
    return float((0.4 / hidden) ** 0.5)
