namespace Fleet.Exchange;

internal enum Side
{
    Buy,
    Sell,
}

internal enum OrderType
{
    Limit,
    Market,
}

internal enum OrderStatus
{
    Open,
    Filled,
    Canceled,
}

/// <summary>An order in the book or done. The engine changes it under its lock.</summary>
internal sealed class Order
{
    public required long Id { get; init; }

    public required string ClientOrderId { get; init; }

    public required string Account { get; init; }

    public required string Pair { get; init; }

    public required Side Side { get; init; }

    public required OrderType Type { get; init; }

    /// <summary>Limit; 0 for a market order.</summary>
    public required decimal Price { get; init; }

    public required decimal Quantity { get; init; }

    public decimal Filled { get; set; }

    /// <summary>Quote currency paid or got so far.</summary>
    public decimal Cost { get; set; }

    public OrderStatus Status { get; set; }

    public decimal Remaining => Quantity - Filled;
}

/// <summary>What was agreed.</summary>
internal sealed record Trade(long Id, string Pair, decimal Price, decimal Quantity, Side TakerSide, long TimeMs);

/// <summary>The order cannot be taken; the sentence says why.</summary>
internal sealed class OrderRefusedException(string message) : Exception(message);
