namespace Kaji.Linux.Nftables;

/// <summary>nftables is missing or refused a script; nothing of the script took effect.</summary>
public sealed class NftablesException(string message, Exception? inner = null) : Exception(message, inner);
