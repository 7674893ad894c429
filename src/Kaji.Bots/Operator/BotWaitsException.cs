namespace Kaji.Bots.Operator;

/// <summary>A bot can't go on until a person changes something; its status says what. The queue tries again with back-off.</summary>
public sealed class BotWaitsException(string message) : Exception(message);
