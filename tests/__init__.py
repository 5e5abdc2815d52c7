import asyncio  # noqa: F401 (before netswapd, which has it do without `ssl`; tests need that)
