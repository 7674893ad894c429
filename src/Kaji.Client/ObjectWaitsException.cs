namespace Kaji.Client;

/// <summary>An object can't go on until a person changes something; its status says what. The queue tries again with back-off.</summary>
public sealed class ObjectWaitsException(string message) : Exception(message);
